import { dirname, join, normalize } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import type { FileAccess } from "../../contract/file-access.ts";
import { isDataLocation } from "../graph/data-location.ts";

/** The path of the data file that `model`, a file, calls `location`. `places`: as in `FileAccess`. Throws
 *  "load-failed" if the name did not exist when the model was inspected. */
export function dataPath(location: string, model: string, places: FileAccess["dataFiles"]): string {
  const name = normalize(location);
  if (places !== undefined) {
    const path = Object.hasOwn(places, name) ? places[name] : undefined;
    if (path !== undefined) return path;
  } else if (isDataLocation(location)) return join(dirname(model), name);
  throw new RuntimeError(
    "load-failed",
    `the model changed while it was loaded: its data file '${location}' is new; load it again`,
  );
}
