import type { HostEngine } from "./host-engine.ts";
import type { RunTable } from "./run-table.ts";

/** Whether rows of a model's outputs depend on the same rows of its inputs alone, by its graph. `reason` says
 *  what of the graph stands against it, or is not understood. */
export type RowProof =
  | { readonly isProven: true }
  | { readonly isProven: false; readonly reason: string };

/** Where the data files of a model are looked up. */
export interface DataFolder {
  /** That of the model's path as it was named, links and all. */
  readonly path: string;
  /** Absolute directories: what links lead to must lie in one of them. */
  readonly roots: readonly string[];
}

/** What the structure of a model's file says of runs like those that its load ends with. */
export interface UsualRun {
  /** On up to so many rows, and up to 16 in other dimensions that vary. */
  readonly rows: number;
  /** What lies between nodes; undefined if shapes cannot be followed. */
  readonly bytes: number | undefined;
}

/** What the structure of a model file says of its memory once it is loaded and has run, without a host. */
export interface ModelFootprint {
  /** Bytes of the weights as they are stored, and of what a model takes beside them even if it is never run: a
   *  loaded model takes hardly less. */
  readonly leastBytes: number;
  /** What it takes before its first run, if `isClear`: its weights as they will lie in memory. */
  readonly idleBytes: number;
  /** What such models take between runs. */
  readonly usualBytes: number;
  /** What the runs that a load ends with take beside that, while they run. */
  readonly runBytes: number;
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
  /** Whether some of the weights lie in other files. */
  readonly hasDataFiles?: boolean;
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
