import { basename, dirname, join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import type { FoundSignature } from "./find-signature.ts";
import type { SignedModel, SignedPart } from "./read-statement.ts";

/** The files that a signature is about, and where the client's path leads among them. */
export interface SignedSubject {
  /** Absolute path of the folder that the names below are relative to. */
  readonly folder: string;
  readonly files: ReadonlyMap<string, readonly SignedPart[]>;
  /** Whether it is one file, whatever else is in the folder. */
  readonly isSingleFile: boolean;
  /** Below `folder`; "": the folder itself. */
  readonly path: string;
}

/** Throws "failed-precondition" if the signature is about something else than what lies beside it. */
export function subjectOf(found: FoundSignature, signed: SignedModel): SignedSubject {
  const { files } = signed;
  const single = files.size === 1 ? files.get(".") : undefined;
  if (single === undefined) {
    if (files.has(".")) throw refusal("it is about a file and about files in a folder");
    if (!found.isFolder) {
      throw refusal(`it is about the files of a folder, but ${found.subject} is a file`);
    }
    return { folder: found.subject, files, isSingleFile: false, path: found.path };
  }
  if (!found.isFolder) {
    const file = basename(found.subject);
    const folder = dirname(found.subject);
    return { folder, files: new Map([[file, single]]), isSingleFile: true, path: file };
  }
  // Signed as one file, in whose folder the tool has put its signature.
  const { name } = signed;
  const isPlain = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
  if (!isPlain || found.file !== join(found.subject, "model.sig")) {
    throw refusal(`it is about one file, but ${found.subject} is a folder`);
  }
  if (found.path !== "" && found.path !== name) {
    throw refusal(`it is about ${name} alone, not about ${found.path}`);
  }
  const only = new Map([[name, single]]);
  return { folder: found.subject, files: only, isSingleFile: true, path: found.path };
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("failed-precondition", message);
}
