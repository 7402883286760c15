import { accessSync, constants } from "node:fs";
import { RuntimeError } from "../../base/errors.ts";

/** Throws "load-failed" with the name of the first file that this process may not read. A server that is root
 *  can read what belongs to others, and its hosts cannot: they have none of root's capabilities. */
export function checkReadable(files: readonly string[]): void {
  for (const file of files) {
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      // Of everything else the engine tells.
      if ((error as NodeJS.ErrnoException).code !== "EACCES") continue;
      throw new RuntimeError(
        "load-failed",
        `${file} is not readable: access denied to the engine host, which has no capabilities; ` +
          "expected the server's user to be its owner, or everybody to be able to read it",
        { cause: error },
      );
    }
  }
}
