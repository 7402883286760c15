import type { PayloadLogSettings } from "../../config/payload-log/payload-log-settings.ts";

// Messages between the server and the thread of its payload log.

/** Why events were dropped: the queue was full in bytes or in number; the sink could not be reached, or refused
 *  them; the disk had no room; the thread broke; the server stopped; or nothing could be made of a payload. */
export const dropReasons = [
  "queue_full",
  "sink_failed",
  "sink_refused",
  "disk_full",
  "thread_failed",
  "shutdown",
  "unreadable",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** What the thread is started with. */
export interface PayloadThreadData {
  readonly settings: PayloadLogSettings;
}

export type ToPayloadThread =
  /** Records, one after the other. Their memory is handed over. */
  | { readonly records: Uint8Array }
  /** Deliver what there is, within this time, and end. */
  | { readonly closeMs: number };

/** What became of records since the last report. */
export interface PayloadReport {
  /** Of records that are done. */
  readonly doneBytes: number;
  readonly doneEvents: number;
  readonly logged: { readonly request: number; readonly response: number };
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Undefined: the sink takes events, or was not tried yet. */
  readonly failure: string | undefined;
  /** Everything is delivered or dropped, and the thread ends. */
  readonly isLast?: boolean;
}
