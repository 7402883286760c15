import type { CloudEvent } from "../events/cloud-event.ts";
import type { DropReason } from "../thread-messages.ts";

/** What became of an attempt to deliver events. */
export type Outcome =
  | { readonly tag: "delivered" }
  /** Another try may help, after this time at the earliest. `reason`: for people. */
  | {
      readonly tag: "failed";
      readonly drop: DropReason;
      readonly reason: string;
      readonly afterMs?: number | undefined;
    }
  /** No other try would help. */
  | { readonly tag: "refused"; readonly reason: string };

/** Where events go. */
export interface Sink {
  /** How many deliveries may be under way at once. */
  readonly senders: number;
  /** How many events one delivery takes at most, and how long it may wait for them. */
  readonly batch: { readonly events: number; readonly delayMs: number };
  /** Never rejects. */
  deliver(events: readonly CloudEvent[]): Promise<Outcome>;
  /** Resolves when everything that was delivered is safe. */
  close(): Promise<void>;
}

/** As many bytes as a batch may have, unless one event has more. */
export { payloadBatchBytes as batchBytes } from "../../../config/payload-log/thread-memory.ts";
