import { accessSync, constants, statSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/file-errors.ts";
import { checkRegular } from "../../../base/regular-file.ts";

/** A data file, and what a model wants of it. */
export interface WantedData {
  readonly path: string;
  /** As the model calls it. */
  readonly location: string;
  readonly modelFile: string;
  /** From its start to the last byte that the model wants. */
  readonly bytes: number;
}

/** Throws "invalid-argument" if it is too short or no regular file, or as `fromFileError`. Blocks. */
export function checkDataFile({ path, location, modelFile, bytes }: WantedData): void {
  const sizeBytes = readableBytes(path, modelFile);
  if (bytes <= sizeBytes) return;
  throw new RuntimeError(
    "invalid-argument",
    `${modelFile} wants ${bytes} bytes of its data file ${location}, which has ${sizeBytes}`,
  );
}

function readableBytes(path: string, modelFile: string): number {
  const what = `${path} (weights of ${modelFile})`;
  try {
    const found = statSync(path);
    checkRegular(found, what);
    // The engine, which opens it, would not say which of the files it was.
    accessSync(path, constants.R_OK);
    return found.size;
  } catch (error) {
    throw fromFileError(error, what);
  }
}
