import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type Caller,
  CallerSchema,
  type RuntimeWatchService,
  type WatchRequest,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { abortable } from "../abort.ts";
import { RuntimeError } from "../errors.ts";
import type { FeedUpdate, RuntimeFeed } from "../service/runtime-feed.ts";
import { SharedUpdates } from "./shared-updates.ts";
import { WatchBeat } from "./watch-beat.ts";

const defaultIntervalMs = 250;
const leastIntervalMs = 50;
const mostIntervalMs = 1_000;

export interface RuntimeWatchParts {
  readonly feed: RuntimeFeed;
  /** Aborts when the server is going to close: streams get what is new, and end. */
  readonly closing: AbortSignal;
  /** Whether this caller may load and unload models. */
  readonly mayChangeModels: (context: HandlerContext) => boolean;
}

/** modelport.v1.RuntimeWatchService. A watcher is a revision and a generator, which is asked for a message
 *  only when the one before has left for the client: a slow reader costs no memory, and gets what it has
 *  missed in one message. */
export function runtimeWatchService({
  feed,
  closing,
  mayChangeModels,
}: RuntimeWatchParts): ServiceImpl<typeof RuntimeWatchService> {
  const beat = new WatchBeat();
  const shared = new SharedUpdates();
  const callerOf = (context: HandlerContext): Caller =>
    create(CallerSchema, { mayChangeModels: mayChangeModels(context) });

  return {
    getSnapshot: (_request, context) => ({
      snapshot: shared.snapshot(feed.snapshot()),
      caller: callerOf(context),
    }),

    async *watch(request, context) {
      const { signal } = context;
      const intervalMs = intervalOf(request);
      const isJson = context.requestHeader.get("content-type")?.includes("json") ?? false;
      const respond = (update: FeedUpdate, caller?: Caller) =>
        isJson ? shared.response({ update, caller }) : shared.encodedResponse({ update, caller });
      const stop = feed.watch();
      // A generator that waits for a slow client to take a message learns in no other way that it has left.
      signal.addEventListener("abort", stop, { once: true });
      try {
        let seen: number | undefined;
        for (;;) {
          const update = seen === undefined ? undefined : feed.since(seen);
          // Taken before anything is awaited, so that no change falls between look and wait.
          const change = feed.nextChange();
          if (update === undefined) {
            const all = feed.snapshot();
            seen = all.revision;
            yield respond(all, callerOf(context));
          } else if (update.revision !== seen) {
            seen = update.revision;
            yield respond(update);
          } else {
            if (closing.aborted) throw shuttingDown();
            await unlessClosing(change, closing, signal);
          }
          await unlessClosing(beat.next(intervalMs), closing, signal);
        }
      } finally {
        stop();
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

/** Resolves with `wait`, or at once when `closing` aborts; rejects when the caller gives up. */
async function unlessClosing(
  wait: Promise<void>,
  closing: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const closed = abortable(wait, closing).catch(() => {});
  await abortable(closed, signal);
}

function intervalOf({ minIntervalMs }: WatchRequest): number {
  if (minIntervalMs === 0) return defaultIntervalMs;
  return Math.min(Math.max(minIntervalMs, leastIntervalMs), mostIntervalMs);
}

function shuttingDown(): RuntimeError {
  return new RuntimeError("shutting-down", "the runtime is shutting down");
}
