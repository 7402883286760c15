import { accessSync, constants, statSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { checkRegular } from "../../../base/files/regular-file.ts";

/** A data file, and what a model needs from it. */
export interface WantedData {
  readonly path: string;
  /** The model's name for it. */
  readonly location: string;
  readonly modelFile: string;
  /** From its start to the last byte that the model needs. */
  readonly bytes: number;
}

/** Throws "invalid-argument" if it is too short or not a regular file, or as `fromFileError`. Blocks. */
export function checkDataFile({ path, location, modelFile, bytes }: WantedData): void {
  const sizeBytes = readableBytes(path, modelFile);
  if (bytes <= sizeBytes) return;
  throw new RuntimeError(
    "invalid-argument",
    `${modelFile} needs ${bytes} bytes of its data file ${location}, which has only ${sizeBytes}`,
  );
}

function readableBytes(path: string, modelFile: string): number {
  const what = `${path} (weights of ${modelFile})`;
  try {
    const found = statSync(path);
    checkRegular(found, what);
    // Checked here because the engine, which opens it, would not name the file.
    accessSync(path, constants.R_OK);
    return found.size;
  } catch (error) {
    throw fromFileError(error, what);
  }
}
