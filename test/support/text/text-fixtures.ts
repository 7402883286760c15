import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TextBatch } from "./open-text-graph.ts";

/** Nested lists of numbers. */
type Numbers = number | readonly Numbers[];

/** What transformers answers for a batch of a model. */
export interface GoldenBatch {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  /** Only of models that know parts of texts. */
  readonly types?: readonly (readonly number[])[];
  readonly output: Numbers;
}

/** What it answers for a text, or for a pair of texts. */
export interface GoldenText {
  readonly text: string | readonly [string, string];
  readonly ids: readonly number[];
  readonly output: Numbers;
}

export interface TextGolden {
  readonly batches: readonly GoldenBatch[];
  readonly texts: readonly GoldenText[];
}

const root = join(import.meta.dirname, "../../fixtures/text");

/** The names of the models that scripts/goldens/text_models.py has written. */
export function textFixtures(): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => readdirSync(join(root, name)).includes("golden.json"))
    .sort();
}

/** The folder of a model. */
export function textFixture(name: string): string {
  return join(root, name);
}

export function goldenOf(name: string): TextGolden {
  return JSON.parse(readFileSync(join(root, name, "golden.json"), "utf8"));
}

export function batchOf({ ids, mask, types }: GoldenBatch): TextBatch {
  const zeros = ids.map((row) => row.map(() => 0));
  return {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: types ?? zeros,
    position_ids: ids.map((row) => row.map((_, at) => at)),
    pooling_mask: mask,
  };
}

export function flat(numbers: Numbers): number[] {
  return typeof numbers === "number" ? [numbers] : numbers.flatMap(flat);
}
