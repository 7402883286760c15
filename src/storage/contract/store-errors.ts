import { describeError, RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";

/** The remote file is not the one that was listed. */
export class ObjectChangedError extends RuntimeError {
  constructor(what: string) {
    super("temporarily-unavailable", `${what} changed while it was being pulled`);
  }
}

/** A store responded with an error status. */
export class HttpStatusError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

const maxShown = 300;
/** Codes for a folder that this user cannot use. */
const unusableCodes: ReadonlySet<string> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
]);
const transientStatuses = new Set([408, 425, 429, 500, 502, 503, 504, 509, 522, 524, 529]);
/** The connection was made but is not trusted, or one of our certificates or keys is invalid. */
const tlsCodes =
  /^(CERT_|ERR_TLS_|ERR_OSSL_|ERR_SSL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_)/;

/** Translates the failure of one step of a pull. `what`: the remote file or folder, for the message. A
 *  RuntimeError is returned as it is. "temporarily-unavailable" is worth another attempt, everything else is
 *  not. */
export function toStorageError(reason: unknown, what: string): RuntimeError {
  if (reason instanceof RuntimeError) return reason;
  const options = { cause: reason };
  const text = describeError(reason, maxShown);
  const status = statusOf(reason);
  if (status === 412 || status === 416) return new ObjectChangedError(what);
  if (status === 404) {
    return new RuntimeError("failed-precondition", `${what} does not exist: ${text}`, options);
  }
  if (status === 401 || status === 403) {
    return new RuntimeError("failed-precondition", `${what}: access denied: ${text}`, options);
  }
  if (status !== undefined && !transientStatuses.has(status) && status >= 300) {
    const message = `${what} cannot be pulled: status ${status}, ${text}`;
    return new RuntimeError("failed-precondition", message, options);
  }
  const { code, name } = reason as { readonly code?: unknown; readonly name?: unknown };
  if ((typeof code === "string" && tlsCodes.test(code)) || name === "CredentialsProviderError") {
    return new RuntimeError("failed-precondition", `${what} cannot be pulled: ${text}`, options);
  }
  const shown = text === "" ? String(code) : text;
  const message = `${what} cannot be pulled now: ${status === undefined ? "" : `status ${status}, `}${shown}`;
  return new RuntimeError("temporarily-unavailable", message, options);
}

/** Whether the store reports that the file does not exist. */
export function isMissing(reason: unknown): boolean {
  return !(reason instanceof RuntimeError) && statusOf(reason) === 404;
}

/** Translates a failed write to our own disk. */
export function toDiskError(reason: unknown, what: string): RuntimeError {
  const code = (reason as NodeJS.ErrnoException | undefined)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return fromFileError(reason, what);
  return new RuntimeError("over-budget", `the disk for pulled models is full: ${what}`, {
    cause: reason,
  });
}

/** Why nothing can be pulled to `directory`. Names the setting: many users cannot write to the default folder. */
export function toPullFolderError(reason: unknown, directory: string): RuntimeError {
  const code = (reason as NodeJS.ErrnoException | undefined)?.code ?? "";
  const what = `the folder for pulled models, ${directory} (PULL_DIR),`;
  if (!unusableCodes.has(code)) return toDiskError(reason, what);
  return new RuntimeError(
    "failed-precondition",
    `${what} cannot be created or written to (${code}): set PULL_DIR to a folder that this user may write to`,
    { cause: reason },
  );
}

/** Each SDK has its own place for the status. */
function statusOf(reason: unknown): number | undefined {
  if (typeof reason !== "object" || reason === null) return undefined;
  const { statusCode, status, code, $metadata, response } = reason as Record<string, unknown>;
  const nested = [$metadata, response].map((each) =>
    typeof each === "object" && each !== null ? (each as Record<string, unknown>) : {},
  );
  const candidates = [
    nested[0]?.["httpStatusCode"],
    statusCode,
    status,
    code,
    nested[1]?.["status"],
    nested[1]?.["statusCode"],
  ];
  return candidates.find(
    (each): each is number => typeof each === "number" && each >= 100 && each < 600,
  );
}
