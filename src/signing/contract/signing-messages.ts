import type { ErrorKind } from "../../base/errors.ts";
import type { SignatureVerdict } from "./signature-verdict.ts";

// Messages between the server and the threads that check signatures.

/** Where a model is, as a client has named it. */
export interface SignedPlace {
  /** Absolute path of a file or a directory. Links are followed. */
  readonly path: string;
  /** As the client wrote it, for messages. */
  readonly name: string;
  /** Absolute directories; the targets of links must lie in one of them. */
  readonly roots: readonly string[];
}

export interface VerifyCall {
  readonly task: "verify";
  readonly place: SignedPlace;
  /** Files and folders that have what is trusted. */
  readonly trusted: readonly string[];
  /** An absolute path that does not exist yet: the folder for the copy. */
  readonly target: string;
  /** Whether only this process can change the files, so that links to them do as well as copies. */
  readonly isOwn: boolean;
  /** The check stops when the first element is not 0. */
  readonly cancel: Int32Array;
}

export interface TrustCall {
  readonly task: "trust";
  readonly trusted: readonly string[];
}

export type SigningCall = { readonly number: number } & (VerifyCall | TrustCall);

/** What is wrong with trusted files. Keys and certificates that could be read are used all the same. */
export interface TrustReport {
  readonly keyCount: number;
  readonly certificateCount: number;
  readonly problems: readonly string[];
}

export interface Verification extends SignatureVerdict {
  /** Below the target, where what the client named is. Undefined unless verified. */
  readonly path?: string;
  readonly fileCount: number;
  readonly sizeBytes: number;
  /** Of trusted files. */
  readonly problems: readonly string[];
}

/** Responses carry their call's number. `kind` is undefined for errors that are our bugs. */
export type SigningAnswer = { readonly number: number } & (
  | { readonly result: Verification | TrustReport }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } }
);
