import type { ErrorKind } from "../../base/errors.ts";
import type { ModelPlace } from "../contract/engine.ts";
import type { EntryLink } from "../translation/translation-files.ts";
import type { InspectedFile, TabulatedFile } from "./model-files.ts";

// Messages between the server and its file threads.

/** What a thread receives at its start. */
export interface FileThreadSetup {
  readonly niceness: number;
}

export type FileThreadCall = { readonly number: number } & (
  | { readonly task: "find"; readonly place: ModelPlace }
  | { readonly task: "inspect"; readonly model: InspectedFile }
  | { readonly task: "tabulate"; readonly model: TabulatedFile }
  | { readonly task: "digest"; readonly file: string }
  | { readonly task: "check-translated"; readonly file: string; readonly key: string }
  | { readonly task: "take-translated"; readonly link: EntryLink; readonly key: string }
);

/** Responses carry their call's number. `kind` is undefined for errors that are our bugs. */
export type FileThreadAnswer = { readonly number: number } & (
  | { readonly result: unknown }
  | { readonly failure: { readonly kind: ErrorKind | undefined; readonly message: string } }
);
