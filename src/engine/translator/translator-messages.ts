import type { ErrorKind } from "../../base/errors.ts";
import type { TranslationOptions } from "./translation.ts";

// What the server writes to a translator process, a line for each file, and what that prints for each. Its
// arguments are the format, and what it may take beyond its start, in bytes.

export interface TranslatorCall {
  /** Absolute path without links. */
  readonly file: string;
  /** The `fileIdentity` that it had when it was found. */
  readonly identity: string;
  readonly options: TranslationOptions;
  /** Where the ONNX model goes; nothing is there yet. */
  readonly output: string;
  /** Identifies the file's content and all that its translation depends on: 64 hexadecimal digits. */
  readonly key: string;
  /** SHA-256 of the content that belongs to `key`, as hexadecimal digits. */
  readonly digest: string;
}

export type TranslatorAnswer =
  | {
      readonly tag: "translated";
      /** Of the file at `output`. */
      readonly sizeBytes: number;
    }
  /** The output could not be written; `code` is the system's. */
  | { readonly tag: "not-written"; readonly code: string; readonly message: string }
  | { readonly tag: "failed"; readonly kind: ErrorKind; readonly message: string };
