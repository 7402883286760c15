/** What went wrong, independent of the wire format. `src/rpc/failures/error-codes.ts` picks the codes. */
export type ErrorKind =
  /** The request itself is invalid; nothing was tried. */
  | "invalid-argument"
  /** A condition of the request is not met (a missing file); nothing was tried. */
  | "failed-precondition"
  /** No model of this id is loaded here. ModelMesh loads the model again when it receives this. */
  | "model-not-found"
  /** The model is known and loading, but cannot run yet. */
  | "model-not-ready"
  /** The memory budget has no room. */
  | "over-budget"
  /** Too much work is waiting already. */
  | "overloaded"
  /** No one waits for the result any more, or a newer call replaced this one. */
  | "cancelled"
  /** The model was unloaded while the call ran. */
  | "aborted"
  | "deadline-exceeded"
  /** The engine refused the model. */
  | "load-failed"
  /** The engine failed on a well-formed request. */
  | "run-failed"
  /** The process that held the model died. A new attempt may succeed. */
  | "host-lost"
  /** Storage or the system refused for now (too many open files, no process). A new attempt may succeed. */
  | "temporarily-unavailable"
  /** The client is not authenticated. */
  | "unauthenticated"
  | "permission-denied"
  | "shutting-down"
  /** A bug in this program: a model was to make a step that its state does not allow. */
  | "illegal-transition";

/** Every deliberate failure. `message` is one line, for people, and says what was expected. */
export class RuntimeError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RuntimeError";
    this.kind = kind;
  }
}

/** Calls `make` such that the errors it creates have no stack, which is a good part of a refusal's cost. For
 *  errors that occur by the thousand, and whose origin does not matter. */
export function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether the same work may succeed on a new attempt without any change. */
export function isTransient(reason: unknown): boolean {
  return (
    reason instanceof RuntimeError &&
    (reason.kind === "host-lost" || reason.kind === "temporarily-unavailable")
  );
}

/** The text of any thrown value, folded to one line of at most `maxLength` characters. */
export function describeError(reason: unknown, maxLength = 600): string {
  const text = reason instanceof Error ? reason.message : String(reason);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
}

/** Makes names and reasons safe for terminals and one line: others chose them, and a terminal obeys control characters. */
export function printable(text: string): string {
  const asEscape = (character: string) =>
    `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return text.replace(/\p{Cc}/gu, asEscape);
}
