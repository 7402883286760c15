import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { GroupingStrategy } from "../../../src/engine/text/entities/group-entities.ts";
import { openTokenizer } from "../../../src/engine/text/tokens/open-tokenizer.ts";
import type { TextTokenizer } from "../../../src/engine/text/tokens/text-tokenizer.ts";

const path = join(import.meta.dirname, "../../fixtures/text/tokens/golden.json.gz");

/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** What the Rust library makes of a text, or a pair, cut to `limit` tokens. */
export interface CutAnswer {
  readonly limit: number | null;
  readonly side: "left" | "right";
  /** Indexes of texts. */
  readonly text: number;
  readonly pair: number | null;
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** What it makes of all texts with one tokenizer, special tokens aside. */
export interface TokenAnswers {
  readonly name: string;
  /** The name of its tokenizer.json, and what is different in it. */
  readonly file: string;
  readonly patch: Json;
  /** Every so many texts were tried. */
  readonly every: number;
  readonly ids: readonly (readonly number[])[];
  /** By text: for each token, its distance from the end of the one before, and its length. */
  readonly offsets: readonly (readonly number[])[];
  readonly words: readonly (readonly number[])[];
  readonly cut: readonly CutAnswer[];
  /** Number and hash of the ids of the repeated texts and the long one. */
  readonly long: readonly (readonly [number, string])[];
}

export interface TokenGoldens {
  /** By name: tokenizer.json. */
  readonly files: Readonly<Record<string, Json>>;
  readonly texts: readonly string[];
  readonly repeated: readonly (readonly [string, number])[];
  /** 100 kB. */
  readonly long: string;
  readonly answers: readonly TokenAnswers[];
}

/** Made by scripts/goldens/text_tokens.py. */
export function readTokenGoldens(): TokenGoldens {
  return JSON.parse(gunzipSync(readFileSync(path)).toString());
}

/** A tokenizer.json, changed as the goldens say. */
export function patchedJson(file: Json | undefined, patch: Json): Json {
  const json: Record<string, unknown> = { ...file };
  for (const [key, value] of Object.entries(patch)) {
    if (key === "model") json["model"] = { ...(json["model"] as Json), ...(value as Json) };
    else if (value === "squeezed") json["normalizer"] = squeezed(json["normalizer"]);
    else json[key] = value;
  }
  return json;
}

/** The map of a SentencePiece model is too long to be written twice. */
function squeezed(normalizer: unknown): Json {
  const strip = { type: "Strip", strip_left: false, strip_right: true };
  const replace = { type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" };
  return { type: "Sequence", normalizers: [normalizer, strip, replace] };
}

export interface JsonTokenizerOptions {
  readonly family?: string;
  readonly maxTokens?: number;
  readonly doLowerCase?: boolean;
  /** tokenizer_config.json. */
  readonly config?: unknown;
}

/** Opens a tokenizer.json, given as an object or as the text of the file. */
export function openJson(json: Json | string, options: JsonTokenizerOptions = {}): TextTokenizer {
  const scratch = mkdtempSync(join(tmpdir(), "tokenizer-"));
  const tokenizer = join(scratch, "tokenizer.json");
  writeFileSync(tokenizer, typeof json === "string" ? json : JSON.stringify(json));
  const config = options.config === undefined ? undefined : join(scratch, "tokenizer_config.json");
  if (config !== undefined) writeFileSync(config, JSON.stringify(options.config));
  const { family = "bert", maxTokens = 1_000_000, doLowerCase = false } = options;
  try {
    const files = { tokenizer, config, maxTokens, truncateSide: "right" } as const;
    return openTokenizer(files, { doLowerCase, family });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Random classes of a text's tokens, and the entities that each strategy makes of them: start, end, name, score. */
export interface EntityCase extends Readonly<Record<GroupingStrategy, readonly GoldenEntity[]>> {
  /** The name of the tokenizer.json. */
  readonly file: string;
  readonly text: string;
  /** [tokens, labels], special tokens included. */
  readonly logits: readonly number[];
}

export type GoldenEntity = readonly [start: number, end: number, entity: string, score: number];

/** Made by scripts/goldens/text_entities.py. */
export function readEntityCases(): {
  readonly labels: readonly string[];
  readonly cases: readonly EntityCase[];
} {
  const file = path.replace("golden.json.gz", "entities.json.gz");
  return JSON.parse(gunzipSync(readFileSync(file)).toString());
}
