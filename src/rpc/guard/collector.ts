import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Collection {
  /** "minor": young objects, in half a millisecond; "major": all objects, in some ten. */
  readonly type: "minor" | "major";
  /** "last-resort": collects until nothing more becomes free, and gives back the pages that V8 keeps for
   *  later, which takes several times as long. */
  readonly flavor?: "last-resort";
}

/** Makes V8 collect at once. */
export type Collect = (collection: Collection) => void;

/** This isolate's collector. A command-line flag would expose it as well, but programs that embed the server
 *  would have to know about it. Does nothing where V8 does not have it. */
export function exposedCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  return typeof collect === "function" ? (collect as Collect) : () => {};
}
