import { binaryKind } from "./binary-kinds.ts";
import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileSample } from "./file-sample.ts";
import { packedKind } from "./packed-kinds.ts";
import { pickleKind } from "./pickle-kind.ts";
import { textKind } from "./text-kinds.ts";

/** What a file is if it is not a model that can be served. */
export interface FileKind {
  /** With its article, such as "a Python pickle". */
  readonly what: string;
  /** How to have it served, or why that is not possible. */
  readonly advice: string;
  /** Whether it may well be beside a model without being one. */
  readonly isVague?: boolean;
}

/** Limit for files inside files: some unpack to themselves without end. */
const maxDepth = 3;

/** Undefined for unknown files, and for ONNX. */
export function fileKindOf(sample: FileSample, depth = 0): FileKind | undefined {
  if (sample.sizeBytes === 0) return { what: "an empty file", advice: advice.again, isVague: true };
  const within = (inner: FileSample) =>
    depth === maxDepth ? undefined : fileKindOf(inner, depth + 1);
  return packedKind(sample, within) ?? pickleKind(sample) ?? textKind(sample) ?? binaryKind(sample);
}
