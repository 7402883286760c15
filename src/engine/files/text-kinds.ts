import { isUtf8 } from "node:buffer";
import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileKind } from "./file-kind.ts";
import type { FileSample } from "./file-sample.ts";

interface TextRow extends FileKind {
  readonly pattern: RegExp;
}

/** By how a text begins, after blanks and a byte order mark. */
const rows: readonly TextRow[] = [
  {
    pattern: /^version https:\/\/git-lfs\.github\.com\/spec\//,
    what: "a Git LFS pointer instead of the file itself",
    advice: "run `git lfs pull` where it was cloned",
  },
  {
    pattern: /^\/annex\/objects\//,
    what: "a git-annex pointer instead of the file itself",
    advice: "run `git annex get` where it was cloned",
  },
  {
    pattern: /^(?:wdir:.*\n|md5:.*\n)*outs:\s*\n\s*- (?:md5|etag|hash|path|size):/,
    what: "a DVC pointer instead of the file itself",
    advice: "run `dvc pull` where it was cloned",
  },
  {
    pattern: /^(?:<!--[\s\S]{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b/i,
    what: "an HTML page, most likely an error or a login page instead of the file",
    advice: advice.refetch,
  },
  {
    pattern: /^(?:<\?xml[^>]*>\s*)?<Error\b/,
    what: "a storage error message (XML) instead of the file",
    advice: advice.refetch,
  },
  {
    pattern: /^(?:<\?xml[^>]*>\s*)?<net\b/,
    what: "an OpenVINO model (IR)",
    advice: advice.openvino,
  },
  {
    pattern: /^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,2000}?-->\s*)?<PMML\b/,
    what: "a PMML model",
    advice: advice.source,
  },
  { pattern: /^<\?xml\b/, what: "an XML text", advice: advice.source, isVague: true },
  { pattern: /^tree\nversion=v\d/, what: "a LightGBM model (text)", advice: advice.lightgbm },
  { pattern: /^tree\r\nversion=v\d/, what: "a LightGBM model (text)", advice: advice.lightgbm },
  { pattern: /^7767517\n/, what: "an ncnn model", advice: advice.source },
  {
    pattern: /^(?:<\s*)?ir_version: \d/,
    what: "an ONNX model written as text",
    advice: "save it in binary form with onnx.save",
  },
  {
    pattern: /^#!/,
    what: "a script",
    isVague: true,
    advice: "if it exports a model, load the .onnx file that it writes",
  },
];

/** By keys near the beginning of a JSON text. */
const jsonRows: readonly TextRow[] = [
  { pattern: /"learner"\s*:/, what: "an XGBoost model (JSON)", advice: advice.xgboost },
  { pattern: /"tree_info"\s*:/, what: "a LightGBM model (JSON)", advice: advice.lightgbm },
  {
    pattern: /"oblivious_trees"|"catboost_version_info"/,
    what: "a CatBoost model (JSON)",
    advice: advice.catboost,
  },
  {
    pattern: /"architectures"\s*:/,
    what: "the configuration file of a Hugging Face model",
    advice: advice.huggingFace,
  },
  {
    pattern: /"truncation"[\s\S]*"pre_tokenizer"|"added_tokens"/,
    what: "a Hugging Face tokenizer",
    advice: advice.huggingFace,
  },
  {
    pattern: /"class_name"\s*:/,
    what: "a Keras model without weights (JSON)",
    advice: advice.keras,
  },
  {
    pattern: /"modelTopology"\s*:/,
    what: "a TensorFlow.js model",
    advice: advice.tensorflow,
  },
  {
    pattern: /^\{\s*"(?:error|errors|message|detail|code|status)"\s*:/i,
    what: "an error message (JSON) instead of the file",
    advice: advice.refetch,
  },
];

/** Text files. */
export function textKind({ head, sizeBytes }: FileSample): FileKind | undefined {
  const text = decode(head, sizeBytes);
  if (text === undefined) return undefined;
  const row = rows.find(({ pattern }) => pattern.test(text));
  if (row !== undefined) return row;
  if (/^[[{]/.test(text)) {
    const known = jsonRows.find(({ pattern }) => pattern.test(text));
    return known ?? { what: "a JSON text", advice: advice.source, isVague: true };
  }
  const shown = JSON.stringify(text.slice(0, 30));
  return {
    what: `a text file that begins with ${shown}`,
    advice: "load the .onnx file of the model",
    isVague: true,
  };
}

/** Tab, line feed, vertical tab, form feed, carriage return, escape. */
const blanks: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 27]);

/** Undefined for binary content: control characters, or bytes that are not UTF-8. */
function decode(head: Buffer, sizeBytes: number): string | undefined {
  const utf16 = head[0] === 0xff && head[1] === 0xfe;
  if (utf16) return head.toString("utf16le", 2).trimStart();
  // The last character of a longer file may be cut.
  const cuts = head.length < sizeBytes ? [0, 1, 2, 3] : [0];
  const bytes = cuts.map((cut) => head.subarray(0, head.length - cut)).find((part) => isUtf8(part));
  if (bytes === undefined || bytes.length === 0) return undefined;
  if (bytes.some((byte) => byte < 0x20 && !blanks.has(byte))) return undefined;
  // A byte order mark counts as a blank.
  const trimmed = bytes.toString("utf8").trimStart();
  return trimmed === "" ? undefined : trimmed;
}
