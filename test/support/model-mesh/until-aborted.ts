/** Settles as `promise` does, or rejects with the reason of `signal` as soon as that aborts. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Runs `task` with a signal that aborts with `outer`, and after `ms`, with a TimeoutError, of its own. */
export async function within<T>(
  ms: number,
  outer: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  const inner = new AbortController();
  const leave = () => inner.abort(outer.reason);
  const timer = setTimeout(() => {
    inner.abort(new DOMException(`not within ${ms} ms`, "TimeoutError"));
  }, ms);
  outer.addEventListener("abort", leave);
  try {
    return await task(inner.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", leave);
  }
}
