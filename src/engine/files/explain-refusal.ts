import { RuntimeError } from "../../base/errors.ts";
import { fileKindOf } from "./file-kind.ts";
import { sampleFile } from "./file-sample.ts";
import { looksLikeOnnx } from "./onnx-look.ts";

/** How the reading of ONNX files words its refusals. */
const refusal = /^(?<file>.*) is not an ONNX model: (?<why>[^\n]*)$/s;

/** Reasons that say something to those who do not know how the format is written. */
const plainWhy = /^it (?:is cut off: |has |is nested|became shorter)|^a tensor has too many/;

/** What to say of a file that could not be read as the model it should be: what it is instead, and the way to
 *  have it served. Other errors come back as they are. Blocks. */
export function explainRefusal(error: unknown, file: string): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "invalid-argument") return error;
  const why = refusal.exec(error.message)?.groups?.["why"];
  const sample = why === undefined ? undefined : sampleFile(file);
  if (why === undefined || sample === undefined) return error;
  const kind = fileKindOf(sample);
  const refused = (message: string) => new RuntimeError("invalid-argument", `${file} ${message}`);
  if (kind !== undefined) {
    return refused(`is not an ONNX model but ${kind.what}; ${kind.advice}`);
  }
  if (/[._](?:data|weights?|bin)$/i.test(sample.name)) {
    return refused(
      "is not an ONNX model, by its name it holds weights: load the .onnx file that goes with it",
    );
  }
  const plain = plainWhy.test(why) ? why : undefined;
  if (looksLikeOnnx(sample.head)) {
    const damage = plain ?? "it was cut off or damaged, its bytes make no sense from some place on";
    return refused(
      `is an ONNX model that cannot be read: ${damage}; fetch, copy or export it again`,
    );
  }
  const doubt = "it is of no kind that is known here, or was cut off or damaged";
  return refused(`is not an ONNX model: ${plain ?? doubt}`);
}
