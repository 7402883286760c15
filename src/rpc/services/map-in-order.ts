import { abortable } from "../../base/abort.ts";

/** The results of `map` in the order of `source`, with at most `limit` of them in progress or waiting to be
 *  taken: a slow reader slows the source down. When `signal` aborts, throws its reason at once. A rejection of
 *  `map` is thrown when its turn comes; the others continue unobserved. */
export async function* mapInOrder<In, Out>(
  source: AsyncIterable<In>,
  map: (item: In) => Promise<Out>,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): AsyncGenerator<Out> {
  const iterator = source[Symbol.asyncIterator]();
  const running: Promise<Out>[] = [];
  let reading: Promise<IteratorResult<In>> | undefined;
  let ended = false;
  while (!ended || running.length > 0) {
    if (!ended && running.length < limit) reading ??= iterator.next();
    const [first] = running;
    const event = await abortable(
      Promise.race([
        ...(first === undefined
          ? []
          : [first.then((result) => ({ tag: "done", result }) as const)]),
        ...(reading === undefined
          ? []
          : [reading.then((item) => ({ tag: "read", item }) as const)]),
      ]),
      signal,
    );
    if (event.tag === "done") {
      void running.shift(); // Its result is at hand.
      yield event.result;
      continue;
    }
    reading = undefined;
    if (event.item.done) {
      ended = true;
      continue;
    }
    const result = map(event.item.value);
    // The rejection is thrown when its turn comes, which may be after others have failed.
    result.catch(() => {});
    running.push(result);
  }
}
