/** What went wrong, in words that no wire format knows. `src/rpc/failures/error-codes.ts` picks the codes. */
export type ErrorKind =
  /** The request cannot be served as it stands; nothing was tried. */
  | "invalid-argument"
  /** The world is not as the request needs it (a file that is missing); nothing was tried. */
  | "failed-precondition"
  /** No model of this id is loaded here. ModelMesh loads the model again when it hears this. */
  | "model-not-found"
  /** The model is known and on its way, but cannot run yet. */
  | "model-not-ready"
  /** The memory budget has no room. */
  | "over-budget"
  /** Too much work is waiting already. */
  | "overloaded"
  /** Nobody waits for the result any more, or a newer call took this one's place. */
  | "cancelled"
  /** The model was unloaded while the call ran. */
  | "aborted"
  | "deadline-exceeded"
  /** The engine refused the model. */
  | "load-failed"
  /** The engine failed on a request that was well formed. */
  | "run-failed"
  /** The process that held the model died. A new attempt may succeed. */
  | "host-lost"
  /** Storage or the system refused for now (too many open files, no process). A new attempt may succeed. */
  | "temporarily-unavailable"
  /** Nobody knows who calls. */
  | "unauthenticated"
  | "permission-denied"
  | "shutting-down"
  /** A bug of ours: a model was to make a step that its state does not allow. */
  | "illegal-transition";

/** Every deliberate failure. `message` is one line, for people, and names what was expected. */
export class RuntimeError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RuntimeError";
    this.kind = kind;
  }
}

/** Calls `make` such that the errors it makes have no stack, which is a good part of what a refusal costs. For
 *  those that come by the thousand, and of which nobody asks where they come from. */
export function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether a new attempt at the same work may succeed without anybody changing anything. */
export function isTransient(reason: unknown): boolean {
  return (
    reason instanceof RuntimeError &&
    (reason.kind === "host-lost" || reason.kind === "temporarily-unavailable")
  );
}

/** The text of anything thrown, folded to one line of at most `maxLength` characters. */
export function describeError(reason: unknown, maxLength = 600): string {
  const text = reason instanceof Error ? reason.message : String(reason);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
}
