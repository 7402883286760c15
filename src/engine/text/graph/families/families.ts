import { bert, electra, roberta } from "./bert.ts";
import { distilbert } from "./distilbert.ts";
import type { Family } from "./family.ts";
import { modernbert } from "./modernbert.ts";
import { mpnet } from "./mpnet.ts";
import { nomic } from "./nomic.ts";
import { qwen3 } from "./qwen3.ts";

/** By `model_type` of config.json. */
export const families: ReadonlyMap<string, Family> = new Map([
  ["bert", bert],
  ["camembert", roberta],
  ["distilbert", distilbert],
  ["electra", electra],
  ["modernbert", modernbert],
  ["mpnet", mpnet],
  ["nomic_bert", nomic],
  ["qwen3", qwen3],
  ["roberta", roberta],
  ["xlm-roberta", roberta],
]);
