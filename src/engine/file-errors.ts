import { describeError, RuntimeError } from "../errors.ts";

const refusals: Readonly<Record<string, (path: string) => RuntimeError>> = {
  ENOENT: (path) => new RuntimeError("failed-precondition", `there is nothing at ${path}`),
  ENOTDIR: (path) =>
    new RuntimeError(
      "failed-precondition",
      `there is nothing at ${path}: a parent is no directory`,
    ),
  EACCES: (path) =>
    new RuntimeError("failed-precondition", `${path} is not readable: access denied`),
  EPERM: (path) =>
    new RuntimeError("failed-precondition", `${path} is not readable: access denied`),
  ELOOP: (path) => new RuntimeError("invalid-argument", `${path} is a loop of symbolic links`),
  ENAMETOOLONG: (path) =>
    new RuntimeError("invalid-argument", `the path of ${path.length} characters is too long`),
  ERR_INVALID_ARG_VALUE: () =>
    new RuntimeError("invalid-argument", "the path holds a NUL character"),
};

/** What a failed file operation on `path` means to a caller. A RuntimeError passes as it is; an error
 *  that says nothing of the model itself (too many open files, a failing disk) is transient. */
export function fromFileError(reason: unknown, path: string): RuntimeError {
  if (reason instanceof RuntimeError) return reason;
  const code = (reason as NodeJS.ErrnoException | undefined)?.code;
  const refusal = code === undefined ? undefined : refusals[code];
  return (
    refusal?.(path) ??
    new RuntimeError("temporarily-unavailable", `cannot read ${path}: ${describeError(reason)}`, {
      cause: reason,
    })
  );
}
