/** An answer of REST: its JSON as text, and the bytes behind it. */
export interface RestAnswer {
  readonly head: string;
  readonly rest: Uint8Array;
}

/** Posts an inference. With `headerBytes`, so many bytes of the body are JSON, and tensors follow. Rejects
 *  unless the status is 200. */
export async function postInference(
  url: string,
  { body, headerBytes }: { body: Uint8Array<ArrayBuffer>; headerBytes?: number },
): Promise<RestAnswer> {
  const headers: Record<string, string> =
    headerBytes === undefined
      ? { "content-type": "application/json" }
      : { "inference-header-content-length": String(headerBytes) };
  const response = await fetch(url, { method: "POST", headers, body });
  const received = new Uint8Array(await response.arrayBuffer());
  const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (response.status !== 200) throw new Error(`${response.status}: ${text(received)}`);
  const length = response.headers.get("inference-header-content-length");
  const end = length === null ? received.byteLength : Number(length);
  return { head: text(received.subarray(0, end)), rest: received.subarray(end) };
}
