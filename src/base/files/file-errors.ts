import { describeError, type ErrorKind, RuntimeError } from "../errors.ts";

/** System error codes that concern the path itself. */
const refusals: Readonly<Record<string, { kind: ErrorKind; text: string }>> = {
  ENOENT: { kind: "failed-precondition", text: "does not exist" },
  ENOTDIR: { kind: "failed-precondition", text: "does not exist: a parent is not a directory" },
  EACCES: { kind: "failed-precondition", text: "is not readable: access denied" },
  EPERM: { kind: "failed-precondition", text: "is not readable: access denied" },
  ELOOP: { kind: "invalid-argument", text: "is a loop of symbolic links" },
  ENAMETOOLONG: { kind: "invalid-argument", text: "is too long" },
  ERR_INVALID_ARG_VALUE: { kind: "invalid-argument", text: "contains a NUL character" },
};

const maxShown = 300;

/** Translates a failed file operation. `what` names the file in the message. A RuntimeError is returned as it
 *  is; an error that does not concern the file itself (too many open files, a failing disk) is
 *  "temporarily-unavailable". */
export function fromFileError(reason: unknown, what: string): RuntimeError {
  if (reason instanceof RuntimeError) return reason;
  const shown = what.length <= maxShown ? what : `${what.slice(0, maxShown)}…`;
  const code = (reason as NodeJS.ErrnoException | undefined)?.code;
  const refusal = code === undefined ? undefined : refusals[code];
  const kind = refusal?.kind ?? "temporarily-unavailable";
  const text = refusal?.text ?? `cannot be read now: ${describeError(reason, maxShown)}`;
  return new RuntimeError(kind, `${shown} ${text}`, { cause: reason });
}
