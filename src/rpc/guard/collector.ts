import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Collection {
  /** "minor": of young objects, in half a millisecond; "major": of all, in some ten. */
  readonly type: "minor" | "major";
}

/** Has V8 collect at once. */
export type Collect = (collection: Collection) => void;

/** The collector of this isolate. A flag on the command line would give it as well, but programs that embed the
 *  server would have to know of that. Does nothing where V8 does not have it. */
export function exposedCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  return typeof collect === "function" ? (collect as Collect) : () => {};
}
