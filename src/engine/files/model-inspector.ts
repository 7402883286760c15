import { createHash } from "node:crypto";
import { accessSync, type BigIntStats, constants, statSync } from "node:fs";
import { fromFileError } from "../../base/files/file-errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import type { ModelFile } from "../contract/engine.ts";
import type {
  InspectionOptions,
  ModelFootprint,
  ModelFormat,
  ModelInspection,
} from "../contract/model-format.ts";

/** A model's file and its weight files, observed at one time. */
export interface InspectedFiles {
  readonly footprint: ModelFootprint;
  /** Bytes of all of these files. */
  readonly diskBytes: number;
  /** Changes whenever one of the files does, as far as the file system reports it. */
  readonly filesIdentity: string;
}

interface Kept {
  readonly inspection: ModelInspection;
  readonly files: Pick<InspectedFiles, "diskBytes" | "filesIdentity">;
}

const maxKept = 1_000;
/** A model with more data files is read anew each time: keeping all of their names would cost more than it
 *  saves. */
const maxKeptWeightFiles = 64;

/** Inspects model files. A result holds until the model file or one of its data files changes: asking for a
 *  model's size again costs a few stats, however big its graph is. */
export class ModelInspector {
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();

  /** Blocks. Throws as `ModelFormat.inspect`. */
  async inspect(
    format: ModelFormat,
    model: Pick<ModelFile, "file" | "dataFolder"> & Pick<InspectionOptions, "choices">,
  ): Promise<InspectedFiles> {
    const { file, dataFolder, choices } = model;
    const found = statOf(file);
    // The same file under another path may have other data files beside it.
    const key = JSON.stringify([format.name, file, fileIdentity(found), dataFolder, choices]);
    const kept = this.#kept.get(key);
    const look = async (): Promise<Kept> => {
      const inspection = await format.inspect(file, { dataFolder, choices });
      return { inspection, files: filesOf(found, inspection) };
    };
    this.#kept.delete(key);
    const now = kept && isUnchanged(kept, file, found) ? kept : await look();
    const { weightFiles, ...footprint } = now.inspection;
    // The targets of links may change without the files.
    const hasLinks = footprint.dataFiles !== undefined;
    if (!hasLinks && weightFiles.length <= maxKeptWeightFiles) this.#keep(key, now);
    return { footprint, ...now.files };
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    if (this.#kept.size <= maxKept) return;
    const oldest = this.#kept.keys().next();
    if (!oldest.done) this.#kept.delete(oldest.value);
  }
}

function isUnchanged({ inspection, files }: Kept, file: string, found: BigIntStats): boolean {
  // So may permissions.
  if (![file, ...inspection.weightFiles].every(isReadable)) return false;
  return filesOf(found, inspection).filesIdentity === files.filesIdentity;
}

function filesOf(
  found: BigIntStats,
  { weightFiles }: ModelInspection,
): Pick<InspectedFiles, "diskBytes" | "filesIdentity"> {
  const own = fileIdentity(found);
  let diskBytes = Number(found.size);
  if (weightFiles.length === 0) return { diskBytes, filesIdentity: own };
  const hash = createHash("sha256");
  for (const path of weightFiles) {
    // Whether all exist is for the inspection to report.
    const data = seen(path);
    diskBytes += Number(data?.size ?? 0);
    hash.update(`${path}\0${data && fileIdentity(data)}\0`);
  }
  return { diskBytes, filesIdentity: `${own}+${hash.digest("base64url")}` };
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function seen(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

function statOf(file: string): BigIntStats {
  try {
    return statSync(file, { bigint: true });
  } catch (error) {
    throw fromFileError(error, file);
  }
}
