import type { ModelNames } from "../../models/names.ts";
import type { HostEngine } from "./host-engine.ts";
import type { RunTable } from "./run-table.ts";
import type { TextChoices } from "./text-choices.ts";
import type { TextFacts } from "./text-facts.ts";

/** Whether, by its graph, each row of a model's outputs depends only on the same row of its inputs. `reason`
 *  says what in the graph speaks against it, or is not understood. */
export type RowProof =
  | {
      readonly isProven: true;
      /** Whether the graph was made to keep rows apart, so that joined runs need not be compared with single
       *  ones. */
      readonly isBuilt?: boolean;
    }
  | {
      readonly isProven: false;
      readonly reason: string;
      /** Why its rows are taken to be independent nevertheless. Joined runs are compared with single ones. */
      readonly promise?: string;
    };

/** Where a model's data files are looked up. */
export interface DataFolder {
  /** The directory of the model's path as it was named, links included. */
  readonly path: string;
  /** Absolute directories; the targets of links must lie in one of them. */
  readonly roots: readonly string[];
}

/** What a model file's structure says about runs like those at the end of its load. */
export interface UsualRun {
  /** On at most this many rows, and at most 16 in other variable dimensions. */
  readonly rows: number;
  /** What is alive between nodes; undefined if shapes cannot be followed. */
  readonly bytes: number | undefined;
}

/** What a model file's structure says about its memory once it is loaded and has run, without a host. */
export interface ModelFootprint {
  /** Bytes of the weights as stored, and what a model takes beside them even if it never runs: a loaded model
   *  takes hardly less. */
  readonly leastBytes: number;
  /** Its memory before the first run, if `isClear`: the weights as they will be in memory. */
  readonly idleBytes: number;
  /** What such models take between runs. */
  readonly usualBytes: number;
  /** What the runs at the end of a load take beyond that, while they run. */
  readonly runBytes: number;
  /** An upper bound for all such models, if `isClear`. */
  readonly loadedBytes: number;
  /** What its load takes for a moment beyond that: the file's own copy of the weights, and packed weights. */
  readonly loadingBytes: number;
  /** Whether the structure determines all of it, or a part is a guess. */
  readonly isClear: boolean;
  /** Rows of the runs that bring it to that size; 0: they would add too little. */
  readonly warmupRows: number;
  /** For runs like those that its load ends with, or would. */
  readonly usualRun: UsualRun;
  /** Whether some of the weights are in other files. */
  readonly hasDataFiles?: boolean;
  /** As `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>>;
  /** Whether its requests can be joined, according to the structure. */
  readonly rowProof: RowProof;
  /** Of a text model. */
  readonly text?: TextFacts;
}

/** What an inspection of a model file returns. */
export interface ModelInspection extends ModelFootprint {
  /** Paths of the files beside it that hold its weights, or of a folder's files. */
  readonly weightFiles: readonly string[];
}

/** Where else the model may be described than in its file. */
export interface InspectionOptions {
  /** Absent: data files are beside the file. */
  readonly dataFolder?: DataFolder | undefined;
  /** For text models. */
  readonly choices?: TextChoices | undefined;
}

/** One kind of model file: all that the server must know about it. */
export interface ModelFormat {
  readonly name: string;
  /** Other names that clients use, in lower case. */
  readonly aliases: readonly string[];
  /** The files to look for in a directory. */
  readonly files: ModelNames;
  /** Format and engine in the Open Inference Protocol's terms. */
  readonly platform: string;
  /** Reads the structure of `file`, never its weights, and blocks meanwhile. Throws as `Engine.inspect` does. */
  inspect(file: string, options?: InspectionOptions): Promise<ModelInspection>;
  /** Imports what `inspect` needs, so that the first call does not wait for it. */
  prepareToInspect(): Promise<void>;
  /** Upper bound for a loaded model whose files have `diskBytes` bytes, without a host. */
  predictBytes(diskBytes: number): number;
}

/** A format that an engine loads as it is. */
export interface EngineFormat extends ModelFormat {
  /** What runs of the model in `file` take, by their shapes; undefined if shapes cannot be followed. Takes
   *  several times as long as `inspect`. Throws as `inspect` does. */
  tabulateRuns(file: string, options?: InspectionOptions): Promise<RunTable | undefined>;
  /** Bytes of inputs that requests joined into one run have at most, if what a run costs follows from them and not
   *  from the number of its rows. Absent: what joining saves is learnt from runs. */
  readonly joinedBytes?: number;
  /** Called in engine hosts only: importing an engine brings its native library into the process. */
  importEngine(): Promise<HostEngine>;
}

/** A format whose files are translated into ONNX before a host loads them. Its `inspect` estimates from the size of
 *  the file: only the translation shows how much memory the model takes. */
export interface TranslatedFormat extends ModelFormat {
  /** The library's name, as people write it. */
  readonly library: string;
  /** Bytes of memory for one byte of a file, at most, while it is translated. */
  readonly peakFactor: number;
}

export function isTranslated(format: ModelFormat): format is TranslatedFormat {
  return "library" in format;
}
