import { RuntimeError } from "../errors.ts";
import { fromFileError } from "./file-errors.ts";
import { openRegularFile } from "./regular-file.ts";

const maxBytes = 64 * 1024;

/** The text of a file that people write. Throws "invalid-argument" if it is not a regular file or is larger
 *  than 64 KiB, "failed-precondition" if it does not exist or is not readable, or "temporarily-unavailable". */
export async function readSmallFile(path: string): Promise<string> {
  try {
    const file = await openRegularFile(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) {
        throw new RuntimeError(
          "invalid-argument",
          `${path} has ${size} bytes, expected at most ${maxBytes}`,
        );
      }
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fromFileError(error, path);
  }
}
