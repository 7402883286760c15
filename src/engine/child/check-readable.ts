import { accessSync, constants } from "node:fs";
import { RuntimeError } from "../../errors.ts";

/** Throws "failed-precondition" with the name of the first file that this process may not read. A server that is root
 *  can read what belongs to others, and its hosts cannot: they have none of root's capabilities. */
export function checkReadable(files: readonly string[]): void {
  for (const file of files) {
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
      throw new RuntimeError(
        "failed-precondition",
        `${file} is not readable: access denied to the engine host, which has no capabilities; ` +
          "expected the server's user to be its owner, or everybody to be able to read it",
        { cause: error },
      );
    }
  }
}
