import { RuntimeError } from "../errors.ts";
import type { DataFolder } from "./files/data-files.ts";
import type { HostEngine } from "./host-engine.ts";
import type { RowProof } from "./onnx/rows/row-proof.ts";
import type { UsualRun } from "./run-memory/model-runs.ts";
import type { RunTable } from "./run-memory/run-table.ts";

/** What the structure of a model file says of its memory once it is loaded and has run, without a host. */
export interface ModelFootprint {
  /** Bytes of the weights as they are stored, and of what a model takes beside them even if it is never run: a
   *  loaded model takes hardly less. */
  readonly leastBytes: number;
  /** What it takes before its first run, if `isClear`: its weights as they will lie in memory. */
  readonly idleBytes: number;
  /** What such models take. */
  readonly usualBytes: number;
  /** What none takes more than, if `isClear`. */
  readonly loadedBytes: number;
  /** What its load takes for a moment beyond that: the file's own copy of the weights, and weights that are packed. */
  readonly loadingBytes: number;
  /** Whether the structure says all of it, or a part was guessed. */
  readonly isClear: boolean;
  /** Rows of the runs that bring it to that size; 0: they would add too little. */
  readonly warmupRows: number;
  /** Of runs like those that its load ends with, or would. */
  readonly usualRun: UsualRun;
  /** As `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>>;
  /** Whether its requests can be joined, as far as the structure says. */
  readonly rowProof: RowProof;
}

/** What a look into a model file tells. */
export interface ModelInspection extends ModelFootprint {
  /** Paths of the files beside it that hold its weights. */
  readonly weightFiles: readonly string[];
}

/** One kind of model file: all that the server must know of it, and the engine that a host loads for it. */
export interface ModelFormat {
  readonly name: string;
  /** Other names that callers use, in lower case. */
  readonly aliases: readonly string[];
  /** Of the files to look for in a directory, with its dot. */
  readonly extension: string;
  /** Format and engine in the Open Inference Protocol's terms. */
  readonly platform: string;
  /** Reads the structure of `file`, never its weights, and blocks meanwhile. Files that it refers to are
   *  looked up in `dataFolder`; beside the file without one. Throws as `Engine.inspect` does. */
  inspect(file: string, dataFolder?: DataFolder): Promise<ModelInspection>;
  /** What runs of the model in `file` take, by their shapes; undefined if that cannot be followed. Takes `inspect`
   *  many times over. Throws as `inspect` does. */
  tabulateRuns(file: string, dataFolder?: DataFolder): Promise<RunTable | undefined>;
  /** Imports what `inspect` needs, which the first look would wait for otherwise. */
  prepareToInspect(): Promise<void>;
  /** Upper bound of a loaded model whose files have `diskBytes` bytes, without a host. */
  predictBytes(diskBytes: number): number;
  /** Called in engine hosts only: importing an engine brings its native library into the process. */
  importEngine(): Promise<HostEngine>;
}

// Imported where models are looked into: hosts, which start often, do without. Kept, since even an import that
// is done already costs more than the rest of a look into a small model.
let inspectOnnx: ModelFormat["inspect"] | undefined;

async function importInspector(): Promise<ModelFormat["inspect"]> {
  inspectOnnx ??= (await import("./onnx/onnx-footprint.ts")).inspectOnnxFile;
  return inspectOnnx;
}

const onnx: ModelFormat = {
  name: "onnx",
  aliases: ["onnxruntime", "onnx_onnxv1"],
  extension: ".onnx",
  platform: "onnx_onnxv1",
  inspect: async (file, dataFolder) =>
    await (inspectOnnx ?? (await importInspector()))(file, dataFolder),
  tabulateRuns: async (file, dataFolder) =>
    await (await import("./onnx/onnx-footprint.ts")).tabulateOnnxFile(file, dataFolder),
  prepareToInspect: async () => void (await importInspector()),
  // Half-precision weights become FP32 in memory; the file's structure is not known here.
  predictBytes: (diskBytes) => 2 * diskBytes + 256 * 1024,
  importEngine: async () => (await import("./onnx-engine.ts")).onnxEngine,
};

/** In the order in which a file that nobody named a format for is tried. */
export const modelFormats: readonly ModelFormat[] = [onnx];

/** The format that a caller means by `name`, an alias included, in any case. */
export function findFormat(name: string): ModelFormat | undefined {
  const wanted = name.trim().toLowerCase();
  return modelFormats.find((format) => format.name === wanted || format.aliases.includes(wanted));
}

/** As `findFormat`; throws "invalid-argument" if there is none. */
export function knownFormat(name: string): ModelFormat {
  const format = findFormat(name);
  if (format !== undefined) return format;
  const known = modelFormats.map((each) => each.name).join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `no engine for model format '${name}'; formats: ${known}`,
  );
}
