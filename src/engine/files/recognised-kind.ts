import { recogniseFormat } from "../catalog.ts";
import { aModelOf } from "../translation/translated-format.ts";
import type { FileKind } from "./file-kind.ts";
import { looksLikeOnnx } from "./onnx-look.ts";

/** What a file is that begins with `head`, if it is a model of one of the catalog's formats, and how to have it
 *  served. Undefined for all others. */
export function recognisedKind(head: Buffer): FileKind | undefined {
  const format = recogniseFormat(head);
  if (format !== undefined) return kindOf(aModelOf(format.library), format.name);
  return looksLikeOnnx(head) ? kindOf("an ONNX model", "onnx") : undefined;
}

function kindOf(what: string, name: string): FileKind {
  return { what, advice: `load it without a type, or as '${name}'` };
}
