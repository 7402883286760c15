import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";

/** The maximum of Node's timers. A longer timeout outlives every connection, and is as good as none. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** The request parameter `timeout` in microseconds, which may be an integer or its digits; undefined for no
 *  deadline, which 0 also means. Throws "invalid-argument" for anything else. */
export function readTimeoutUs(parameter: unknown): bigint | undefined {
  if (parameter === undefined) return undefined;
  const timeoutUs = toInteger(parameter);
  if (timeoutUs === undefined || timeoutUs < 0n) {
    throw new RuntimeError(
      "invalid-argument",
      "the parameter 'timeout' must be a whole number of microseconds, 0 or above",
    );
  }
  return timeoutUs === 0n ? undefined : timeoutUs;
}

/** Runs `work` under a signal that aborts when `signal` does, with its reason, or after `timeoutUs` from now,
 *  with "deadline-exceeded". */
export async function withTimeout<Result>(
  { signal, timeoutUs }: { readonly signal: CancelSignal; readonly timeoutUs: bigint | undefined },
  work: (signal: CancelSignal) => Promise<Result>,
): Promise<Result> {
  const timeoutMs = Math.ceil(Number(timeoutUs ?? 0n) / 1000);
  if (timeoutUs === undefined || timeoutMs > maxTimeoutMs || signal.aborted) return work(signal);
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    const message = `the request did not finish within its timeout of ${timeoutUs} microseconds`;
    controller.abort(new RuntimeError("deadline-exceeded", message));
  }, timeoutMs);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function toInteger(parameter: unknown): bigint | undefined {
  if (typeof parameter === "bigint") return parameter;
  if (typeof parameter === "number" && Number.isInteger(parameter)) return BigInt(parameter);
  if (typeof parameter === "string" && /^\d{1,20}$/.test(parameter)) return BigInt(parameter);
  return undefined;
}
