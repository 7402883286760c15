import { binaryKind } from "./binary-kinds.ts";
import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileSample } from "./file-sample.ts";
import { packedKind } from "./packed-kinds.ts";
import { pickleKind } from "./pickle-kind.ts";
import { textKind } from "./text-kinds.ts";

/** What a file is that is not a model which can be served. */
export interface FileKind {
  /** With its article, "a Python pickle" for example. */
  readonly what: string;
  /** What to do to have it served, or why that cannot be. */
  readonly advice: string;
  /** Whether it may well lie beside a model without being one. */
  readonly isVague?: boolean;
}

/** Of files in files: some unpack to themselves without end. */
const maxDepth = 3;

/** Undefined for what is not known, and for ONNX. */
export function fileKindOf(sample: FileSample, depth = 0): FileKind | undefined {
  if (sample.sizeBytes === 0) return { what: "an empty file", advice: advice.again, isVague: true };
  const within = (inner: FileSample) =>
    depth === maxDepth ? undefined : fileKindOf(inner, depth + 1);
  return packedKind(sample, within) ?? pickleKind(sample) ?? textKind(sample) ?? binaryKind(sample);
}
