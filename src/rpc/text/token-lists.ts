import type { TextInput } from "../../service/contract/text.ts";
import { type JsonFields, refuseMany } from "./json-fields.ts";

const mostId = 2 ** 31 - 1;

/** What may be embedded: a text, a list of texts, a list of the tokens of one text, or a list of such lists. Undefined
 *  if the field is absent. `most`: texts in one request. */
export function readTextInputs(
  fields: JsonFields,
  name: string,
  most?: number,
): readonly TextInput[] | undefined {
  const value = fields.any(name);
  if (value === undefined) return undefined;
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) {
    throw fields.refusal(name, "must be a string, a list of strings, or a list of tokens");
  }
  if (typeof value[0] === "number") return [readTokens(fields, name, value)];
  refuseMany(fields, name, value.length, most);
  return value.map((each: unknown, at) => {
    if (typeof each === "string") return each;
    if (Array.isArray(each)) return readTokens(fields, `${name}[${at}]`, each);
    throw fields.refusal(`${name}[${at}]`, "must be a string or a list of tokens");
  });
}

function readTokens(fields: JsonFields, name: string, list: readonly unknown[]): Int32Array {
  const odd = list.findIndex((id) => !isToken(id));
  if (odd >= 0) throw fields.refusal(`${name}[${odd}]`, `must be a token, from 0 to ${mostId}`);
  return Int32Array.from(list as number[]);
}

function isToken(id: unknown): boolean {
  return Number.isInteger(id) && Number(id) >= 0 && Number(id) <= mostId;
}
