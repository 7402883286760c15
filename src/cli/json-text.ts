// JSON whose integers beyond 2^53 are bigints on this side.

/** Of ECMAScript's "JSON.parse source text access", which Node has, and TypeScript's es2024 does not. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const json = JSON as unknown as SourceTextJson;

/** Throws SyntaxError. */
export function parseJson(text: string): unknown {
  // Only then: the reviver makes reading many times slower.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) => {
    const isLong = typeof value === "number" && source !== undefined && /^-?\d{16,}$/.test(source);
    return isLong && !Number.isSafeInteger(value) ? BigInt(source) : value;
  });
}

/** For `JSON.stringify`: writes bigints as the numbers that they are. */
export function writeLong(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? json.rawJSON(`${value}`) : value;
}
