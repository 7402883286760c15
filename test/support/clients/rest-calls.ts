import assert from "node:assert/strict";

export interface RestCall {
  /** GET without a body, else POST. */
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent as it stands if it is bytes or text, else as JSON. */
  readonly body?: unknown;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The body, if its content type is application/json to the letter. */
  readonly json: unknown;
}

/** Input x and output y of the fake model "add-one". */
export const x = { name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] };
export const y = { name: "y", datatype: "FP32", shape: [1, 3], data: [2, 3, 4] };

export async function callRest(
  port: number,
  path: string,
  { method, headers = {}, body }: RestCall = {},
): Promise<RestAnswer> {
  const sent = bytesOf(body);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: method ?? (sent === undefined ? "GET" : "POST"),
    headers,
    // fetch adds a Content-Type to text, but not to bytes.
    body: sent === undefined ? null : new Uint8Array(sent),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type") === "application/json";
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
  };
}

/** Fails unless the answer is an error in the form of the Open Inference Protocol. */
export function assertError(answer: RestAnswer, status: number, message: RegExp): void {
  assert.equal(answer.status, status, answer.bytes.toString());
  assert.equal(answer.headers.get("content-type"), "application/json");
  const { error } = answer.json as { error: unknown };
  assert.ok(typeof error === "string");
  assert.match(error, message);
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
