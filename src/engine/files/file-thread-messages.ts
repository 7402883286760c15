import type { ErrorKind } from "../../base/errors.ts";
import type { ModelPlace } from "../contract/engine.ts";
import type { InspectedFile, TabulatedFile } from "./model-files.ts";

// What the server and its threads for files say to each other.

/** What a thread is told at its start. */
export interface FileThreadSetup {
  readonly niceness: number;
}

export type FileThreadCall = { readonly number: number } & (
  | { readonly task: "find"; readonly place: ModelPlace }
  | { readonly task: "inspect"; readonly model: InspectedFile }
  | { readonly task: "tabulate"; readonly model: TabulatedFile }
);

/** Answers carry the number of their call. `kind` is undefined for errors that are bugs of ours. */
export type FileThreadAnswer = { readonly number: number } & (
  | { readonly result: unknown }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } }
);
