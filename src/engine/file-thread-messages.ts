import type { ErrorKind } from "../errors.ts";

// What the server and its threads for files say to each other.

export type FileThreadCall = { readonly number: number; readonly path: string } & (
  | { readonly task: "find"; readonly format: string | undefined }
  | { readonly task: "inspect"; readonly format: string }
);

/** Answers carry the number of their call. `kind` is undefined for errors that are bugs of ours. */
export type FileThreadAnswer = { readonly number: number } & (
  | { readonly result: unknown }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } }
);
