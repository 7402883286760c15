import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";

/** Settles like `page`, one response of a store, unless that takes too long: not every client library has a
 *  timeout. */
export async function withPageTimeout<T>(
  page: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    const message = `the store did not respond within ${timeoutMs} ms`;
    timeout.abort(new RuntimeError("temporarily-unavailable", message));
  }, timeoutMs);
  try {
    return await abortable(page, AbortSignal.any([signal, timeout.signal]));
  } finally {
    clearTimeout(timer);
  }
}
