import { isStrictJson } from "./strict-json.ts";

/** One CloudEvent, version 1.0. */
export interface CloudEvent {
  /** Without empty ones. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** "" without a body. */
  readonly type: string;
}

/** A request's headers and body, in CloudEvents' binary mode. */
export function binaryMode({ attributes, body, type }: CloudEvent): {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
} {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes))
    headers[`ce-${name}`] = headerValue(value);
  if (type !== "") headers["content-type"] = type;
  return { headers, body: body ?? Buffer.alloc(0) };
}

/** The event as JSON text, in CloudEvents' structured mode. */
export function structuredMode({ attributes, body, type }: CloudEvent): string {
  const known = JSON.stringify({ ...attributes, ...(type !== "" && { datacontenttype: type }) });
  if (body === undefined) return known;
  const text = type === "application/json" ? body.toString("utf8") : "";
  const data = isStrictJson(text)
    ? `"data":${oneLine(text)}`
    : `"data_base64":"${body.toString("base64")}"`;
  return `${known.slice(0, -1)},${data}}`;
}

/** Line breaks are space there, and strings have none. */
function oneLine(json: string): string {
  return json.replace(/[\r\n]/g, " ");
}

/** By the HTTP binding: percent-encoded UTF-8, except for printable ASCII other than space, quote and percent. */
function headerValue(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (text) =>
    Array.from(
      Buffer.from(text),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}
