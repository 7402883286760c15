import { RuntimeError } from "../../base/errors.ts";
import { fileKindOf } from "./file-kind.ts";
import { sampleFile } from "./file-sample.ts";
import { looksLikeOnnx } from "./onnx-look.ts";
import { recognisedKind } from "./recognised-kind.ts";

/** Prefix of refusals by the readers of the formats. */
const refusal = /^(?<file>.*) is not (?<wanted>an? \S+ model): (?<why>[^\n]*)$/s;

/** Reasons that readers understand without knowing the file format. */
const plainWhy = /^it (?:is cut off: |has |is nested|became shorter)|^a tensor has too many/;

/** Explains a file that could not be read as the model it should be: what it is instead, and how to have it
 *  served. Returns other errors unchanged. Blocks. */
export function explainRefusal(error: unknown, file: string): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "invalid-argument") return error;
  const { why, wanted } = refusal.exec(error.message)?.groups ?? {};
  const sample = why === undefined ? undefined : sampleFile(file);
  if (why === undefined || sample === undefined) return error;
  const refused = (message: string) => new RuntimeError("invalid-argument", `${file} ${message}`);
  const kind = fileKindOf(sample);
  const isForOnnx = wanted === "an ONNX model";
  const served = recognisedKind(sample.head);
  if (served !== undefined && served.what !== wanted) {
    return refused(`is not ${wanted} but ${kind?.what ?? served.what}; ${served.advice}`);
  }
  if (kind !== undefined) {
    return refused(`is not ${wanted} but ${kind.what}; ${kind.advice}`);
  }
  if (!isForOnnx) return error;
  if (/[._](?:data|weights?|bin)$/i.test(sample.name)) {
    return refused(
      "is not an ONNX model; its name suggests weights: load the .onnx file that goes with it",
    );
  }
  const plain = plainWhy.test(why) ? why : undefined;
  if (looksLikeOnnx(sample.head)) {
    const damage =
      plain ?? "it was cut off or damaged, and its bytes stop making sense at some point";
    return refused(
      `is an ONNX model that cannot be read: ${damage}; fetch, copy or export it again`,
    );
  }
  const doubt = "its format is unknown, or it was cut off or damaged";
  return refused(`is not an ONNX model: ${plain ?? doubt}`);
}
