import type { FolderListing, ModelNames } from "./names.ts";

const tokenizers = [
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
  "vocab.json",
  "sentencepiece.bpe.model",
  "spiece.model",
];
/** With formats that cannot be served: a folder of one is a model, whose load says how to convert it. */
const weights =
  /\.safetensors$|\.safetensors\.index\.json$|^pytorch_model.*\.bin(?:\.index\.json)?$/;
const onnx = /\.onnx$/;

/** Text models, which are folders as Hugging Face, sentence-transformers and Caikit lay them out. */
export const textNames: ModelNames = {
  what: "folder of a text model",
  extensions: [],
  isFolder,
  // What lies below an ONNX model belongs to it.
  isEnd: ({ files }) => files.some((name) => onnx.test(name)),
};

/** Whether a folder with these entries is such a model itself. An ONNX file needs a tokenizer beside it: without one
 *  it is an ONNX model like any other. */
function isFolder({ files, folders }: FolderListing): boolean {
  const has = (name: string) => files.includes(name);
  if (has("modules.json")) return true;
  if (has("config.yml") && folders.includes("artifacts")) return true;
  if (!has("config.json")) return false;
  const hasTokenizer = tokenizers.some(has);
  if (files.some((name) => weights.test(name))) return hasTokenizer || has("model.safetensors");
  return hasTokenizer && (folders.includes("onnx") || files.some((name) => onnx.test(name)));
}
