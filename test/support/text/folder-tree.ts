import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What a folder is made of: names with "/", and contents; objects become JSON. */
export type FolderTree = Readonly<
  Record<string, string | Readonly<Record<string, unknown>> | unknown[]>
>;

/** Makes a folder in `parent`, by default one that the caller removes. Resolves to its path. */
export async function makeFolder(tree: FolderTree, parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, "modelport-text-"));
  for (const [name, content] of Object.entries(tree)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

/** The files of all-MiniLM-L6-v2, as sentence-transformers 2 wrote them; the weights are empty. */
export const miniLm: FolderTree = {
  "config.json": {
    architectures: ["BertModel"],
    model_type: "bert",
    hidden_size: 384,
    max_position_embeddings: 512,
  },
  "modules.json": [
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
    { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
  ],
  "1_Pooling/config.json": {
    word_embedding_dimension: 384,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  },
  "sentence_bert_config.json": { max_seq_length: 256, do_lower_case: false },
  "config_sentence_transformers.json": { __version__: { sentence_transformers: "2.0.0" } },
  "tokenizer.json": { model: { type: "WordPiece" } },
  "tokenizer_config.json": { model_max_length: 512, do_lower_case: true },
  "model.safetensors": "",
};

/** A folder as Hugging Face writes it, with another config.json. */
export function huggingFace(config: Readonly<Record<string, unknown>>): FolderTree {
  const defaults = { hidden_size: 32, max_position_embeddings: 64 };
  return {
    "config.json": { ...defaults, ...config },
    "tokenizer.json": {},
    "model.safetensors": "",
  };
}

/** As `huggingFace`, with a head for sequences. */
export function sequence(config: Readonly<Record<string, unknown>> = {}): FolderTree {
  return huggingFace({
    architectures: ["BertForSequenceClassification"],
    model_type: "bert",
    ...config,
  });
}

/** The tree without some of its files. */
export function without(tree: FolderTree, ...names: readonly string[]): FolderTree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !names.includes(name)));
}
