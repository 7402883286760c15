import type { IncomingMessage } from "node:http";
import type { TextCalls } from "../../service/contract/text.ts";
import { accountOf } from "../guard/call-memory.ts";
import type { ObservedCall } from "../observe/call-observer.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import type { RestCall, RestParts } from "../rest/add-route.ts";
import { readBody } from "../rest/body.ts";
import { leastThreadBytes } from "../rest/inference-routes.ts";
import { decodeTextBody, type TextBodyName, type TextBodyOf } from "./text-bodies.ts";

/** What the routes of text wires share. */
export interface TextRestParts extends RestParts {
  readonly texts: TextCalls;
  /** This program's version. */
  readonly version: string;
  /** Limit for one body, before and after decompression. */
  readonly readMaxBytes: number;
  /** Reads large bodies. The memory behind `body` is taken away. Settles as `decodeTextBody`, or rejects with the
   *  reason of `signal`. */
  readonly codecThread: {
    decodeText<Name extends TextBodyName>(
      name: Name,
      body: Uint8Array,
      signal: AbortSignal,
    ): Promise<TextBodyOf<Name>>;
  };
}

/** Reads the body of a call. Large ones are read in another thread. */
export async function readTextBody<Name extends TextBodyName>(
  name: Name,
  { request, signal }: RestCall,
  { readMaxBytes, codecThread }: Pick<TextRestParts, "readMaxBytes" | "codecThread">,
): Promise<TextBodyOf<Name>> {
  const body = await readBody(request, readMaxBytes);
  // No one waits for the response any more, or is allowed to.
  signal.throwIfAborted();
  const arrivedMs = performance.now();
  // What is made of it is about as long.
  await accountOf(request)?.makeInTurn(body.length);
  const read =
    body.length < leastThreadBytes
      ? decodeTextBody(name, body)
      : await codecThread.decodeText(name, body, signal);
  observedOf(request)?.decoded?.(performance.now() - arrivedMs);
  return read;
}

export function observedOf(request: IncomingMessage): ObservedCall | undefined {
  return observedRequest(request)?.call;
}
