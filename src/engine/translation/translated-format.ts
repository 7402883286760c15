import { closeSync, readSync } from "node:fs";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import { headBytes, type ModelNames } from "../../models/names.ts";
import type { ModelInspection, TranslatedFormat } from "../contract/model-format.ts";

/** What must be known about a library's files before they are translated. */
export interface TranslatedFiles {
  readonly name: string;
  readonly library: string;
  readonly aliases: readonly string[];
  readonly files: ModelNames & Required<Pick<ModelNames, "recognises">>;
  /** Bytes of a loaded model for one byte of a file that begins with `head`: usually, and at most. `head` is empty
   *  if nothing of the file is known. */
  readonly heldFactor: (head: Uint8Array) => { readonly usual: number; readonly most: number };
  readonly peakFactor: (head: Uint8Array) => number;
}

const KiB = 1024;
/** A session without trees, and with the first of its kind. */
const sessionBytes = 256 * KiB;
const firstBytes = 3 * 1024 * KiB;
/** Models of the same size differ by this factor from what is usual, downwards: text with many digits, features
 *  without trees, names. */
const leastShare = 0.2;
/** Loading takes about three times as much as the model keeps. */
const peakShare = 2;
/** Rows of the runs that end its load, as of ONNX models. */
const usualRows = 64;

export function translatedFormat(format: TranslatedFiles): TranslatedFormat {
  const { name, library, aliases, files, heldFactor, peakFactor } = format;
  return {
    name,
    library,
    aliases: [...aliases, `${name}_${name}`],
    files,
    platform: `${name}_${name}`,
    peakFactor,
    async inspect(file) {
      const { sizeBytes, head } = readHead(file);
      if (!files.recognises(head)) {
        const what = "it does not begin as one does";
        throw new RuntimeError("invalid-argument", `${file} is not ${aModelOf(library)}: ${what}`);
      }
      return estimate(sizeBytes, heldFactor(head));
    },
    prepareToInspect: async () => {},
    predictBytes: (diskBytes) => heldFactor(new Uint8Array(0)).most * diskBytes + firstBytes,
  };
}

/** "a LightGBM model", "an XGBoost model". */
export function aModelOf(library: string): string {
  return `${/^[AEIOUX]/.test(library) ? "an" : "a"} ${library} model`;
}

function estimate(sizeBytes: number, factor: { usual: number; most: number }): ModelInspection {
  const usualBytes = Math.ceil(factor.usual * sizeBytes) + sessionBytes;
  const loadedBytes = Math.ceil(factor.most * sizeBytes) + firstBytes;
  return {
    leastBytes: usualBytes / 2,
    idleBytes: Math.ceil(leastShare * usualBytes),
    usualBytes,
    runBytes: 0,
    loadedBytes,
    loadingBytes: peakShare * loadedBytes,
    isClear: true,
    warmupRows: usualRows,
    usualRun: { rows: usualRows, bytes: undefined },
    rowProof: { isProven: false, reason: "the model is not translated yet" },
    weightFiles: [],
  };
}

function readHead(file: string): { readonly sizeBytes: number; readonly head: Uint8Array } {
  try {
    return readFirstBytes(file);
  } catch (error) {
    throw fromFileError(error, file);
  }
}

function readFirstBytes(file: string): { readonly sizeBytes: number; readonly head: Uint8Array } {
  const { descriptor, sizeBytes } = openRegularFileSync(file);
  try {
    const head = Buffer.alloc(Math.min(sizeBytes, headBytes));
    return { sizeBytes, head: head.subarray(0, readSync(descriptor, head, 0, head.length, 0)) };
  } finally {
    closeSync(descriptor);
  }
}
