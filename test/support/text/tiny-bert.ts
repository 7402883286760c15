import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { floats, safetensorsFile } from "./safetensors-file.ts";

export interface TinyTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface TinyBert {
  /** Default: an embedding, pooled by the mean and normalised. */
  readonly task?: "embedding" | "rerank" | "token-classification";
  /** Other weights for another number. Default: 1. */
  readonly seed?: number;
  readonly hidden?: number;
  readonly layers?: number;
  /** Tokens of the longest text. Default: 64. */
  readonly maxTokens?: number;
  /** Changes tensors before they are written. */
  readonly change?: (tensors: Map<string, TinyTensor>) => void;
}

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"];
const words = ["the", "of", "and", "a", "text", "people", "every", "day", "some", "model"];

/** Pieces of every lower-case text, and some words. */
export const tinyVocabulary: readonly string[] = [
  ...new Set([...special, ...letters, ...letters.map((letter) => `##${letter}`), ...words]),
];

/** Writes the folder of a small BERT with random weights, as sentence-transformers or transformers would. */
export async function writeTinyBert(folder: string, options: TinyBert = {}): Promise<void> {
  const { task = "embedding", maxTokens = 64, change = () => {} } = options;
  const tensors = tensorsOf(options);
  change(tensors);
  await mkdir(folder, { recursive: true });
  const put = (name: string, content: object) =>
    writeFile(join(folder, name), JSON.stringify(content));
  await put("config.json", configOf(options));
  await put("tokenizer.json", tokenizer());
  await put("tokenizer_config.json", { do_lower_case: true, model_max_length: maxTokens });
  if (task === "embedding") await putModules(folder, put, options.hidden ?? 32);
  const stored = [...tensors].map(([name, { values, shape }]) => {
    return [name, floats([...values], [...shape])] as const;
  });
  await writeFile(join(folder, "model.safetensors"), safetensorsFile(Object.fromEntries(stored)));
}

async function putModules(
  folder: string,
  put: (name: string, content: object) => Promise<void>,
  hidden: number,
): Promise<void> {
  await mkdir(join(folder, "1_Pooling"), { recursive: true });
  const typed = (idx: number, name: string, path: string) => {
    return { idx, name: `${idx}`, path, type: `sentence_transformers.models.${name}` };
  };
  const modules = [
    typed(0, "Transformer", ""),
    typed(1, "Pooling", "1_Pooling"),
    typed(2, "Normalize", "2_Normalize"),
  ];
  await put("modules.json", modules);
  const pooling = { word_embedding_dimension: hidden, pooling_mode_mean_tokens: true };
  await put("1_Pooling/config.json", pooling);
}

function configOf({ task = "embedding", hidden = 32, layers = 2, maxTokens = 64 }: TinyBert) {
  const labels = { embedding: [], rerank: ["score"], "token-classification": ["O", "B-X", "I-X"] };
  const architectures = {
    embedding: "BertModel",
    rerank: "BertForSequenceClassification",
    "token-classification": "BertForTokenClassification",
  };
  return {
    architectures: [architectures[task]],
    model_type: "bert",
    vocab_size: tinyVocabulary.length,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    intermediate_size: 2 * hidden,
    hidden_act: "gelu",
    max_position_embeddings: maxTokens,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    ...(task !== "embedding" && { id2label: { ...labels[task] } }),
  };
}

function tensorsOf({
  task = "embedding",
  seed = 1,
  hidden = 32,
  layers = 2,
  maxTokens = 64,
}: TinyBert): Map<string, TinyTensor> {
  const tensors = new Map<string, TinyTensor>();
  let state = seed;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 - 0.5;
  };
  const prefix = task === "embedding" ? "" : "bert.";
  const add = (name: string, ...shape: number[]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { shape, values: Float32Array.from({ length: count }, random) });
  };
  const linear = (name: string, to: number, from: number) => {
    add(`${name}.weight`, to, from);
    add(`${name}.bias`, to);
  };
  const norm = (name: string) => {
    const values = new Float32Array(hidden).fill(1);
    tensors.set(`${name}.weight`, { shape: [hidden], values });
    add(`${name}.bias`, hidden);
  };
  add(`${prefix}embeddings.word_embeddings.weight`, tinyVocabulary.length, hidden);
  add(`${prefix}embeddings.position_embeddings.weight`, maxTokens, hidden);
  add(`${prefix}embeddings.token_type_embeddings.weight`, 2, hidden);
  norm(`${prefix}embeddings.LayerNorm`);
  for (let layer = 0; layer < layers; layer++) {
    const at = `${prefix}encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) {
      linear(`${at}.attention.self.${part}`, hidden, hidden);
    }
    linear(`${at}.attention.output.dense`, hidden, hidden);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, 2 * hidden, hidden);
    linear(`${at}.output.dense`, hidden, 2 * hidden);
    norm(`${at}.output.LayerNorm`);
  }
  if (task === "rerank") linear(`${prefix}pooler.dense`, hidden, hidden);
  if (task === "rerank") linear("classifier", 1, hidden);
  if (task === "token-classification") linear("classifier", 3, hidden);
  return tensors;
}

function tokenizer() {
  const vocab = Object.fromEntries(tinyVocabulary.map((token, id) => [token, id]));
  const idOf = (token: string) => vocab[token] as number;
  const part = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const mark = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const known = (token: string) => [token, { id: token, ids: [idOf(token)], tokens: [token] }];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark("[CLS]", 0), part("A", 0), mark("[SEP]", 0)],
      pair: [mark("[CLS]", 0), part("A", 0), mark("[SEP]", 0), part("B", 1), mark("[SEP]", 1)],
      special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map(known)),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}
