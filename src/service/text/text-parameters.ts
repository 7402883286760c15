import type { RequestParameters } from "../contract/models.ts";
import type { Truncate } from "../contract/text.ts";
import { invalid } from "./text-errors.ts";

/** What the parameters of an inference say of how texts are read, and how answers are shown. */
export interface TextParameters {
  readonly truncate: Truncate;
  readonly truncateSide: "left" | "right" | undefined;
  readonly prompt: string | undefined;
  readonly dimensions: number | undefined;
  readonly normalise: boolean | undefined;
  readonly raw: boolean | undefined;
  readonly threshold: number | undefined;
}

/** Parameters that are not about texts are left to others. Throws "invalid-argument" about a value that is not one of
 *  the parameter's. */
export function textParameters(given: RequestParameters = {}): TextParameters {
  return {
    truncate: truncateIn(given),
    truncateSide: sideIn(given),
    prompt: read(given, "prompt_name", "string", "the name of a prompt"),
    dimensions: read(given, "dimensions", "number", "a number of dimensions"),
    normalise: read(given, "normalize", "boolean", "true or false"),
    raw: read(given, "raw_scores", "boolean", "true or false"),
    threshold: read(given, "threshold", "number", "a number from 0 to 1"),
  };
}

function truncateIn(given: RequestParameters): Truncate {
  const { truncate = false } = given;
  if (truncate === false || truncate === "error") return "error";
  if (truncate === true || truncate === "model") return "model";
  if (typeof truncate === "number" && Number.isInteger(truncate) && truncate >= 1) return truncate;
  throw invalid(
    `parameter 'truncate' is ${shown(truncate)}, expected true, false, or a number of tokens`,
  );
}

function sideIn(given: RequestParameters): "left" | "right" | undefined {
  const side = given["truncation_direction"];
  if (side === undefined) return undefined;
  const lower = String(side).toLowerCase();
  if (lower === "left" || lower === "right") return lower;
  throw invalid(`parameter 'truncation_direction' is ${shown(side)}, expected 'left' or 'right'`);
}

interface Kinds {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

function read<Kind extends keyof Kinds>(
  given: RequestParameters,
  name: string,
  kind: Kind,
  expected: string,
): Kinds[Kind] | undefined {
  const value = given[name];
  if (value === undefined || typeof value === kind) return value as Kinds[Kind] | undefined;
  throw invalid(`parameter '${name}' is ${shown(value)}, expected ${expected}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? `'${value.slice(0, 40)}'` : String(value);
}
