// Plants one mutation and looks for it: `node hunt.ts NAME SEED STEPS`. Prints a SearchResult in short as
// JSON. A process of its own for each, since a mutated lifecycle may hang, and modules are loaded once.

import { registerHooks } from "node:module";
import { type Mutation, mutations } from "./mutations.ts";

/** What became of a mutation. */
export interface HuntResult {
  /** The promise that was found broken; undefined if none was. */
  readonly rule: string | undefined;
  readonly steps: number;
}

const [, , name = "", seed = "1", steps = "1000"] = process.argv;

function plant({ file, from, to }: Mutation): void {
  const target = new URL(`../../src/service/${file}`, import.meta.url).href;
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      const source = String(loaded.source);
      const matches = source.split(from).length - 1;
      if (matches !== 1)
        throw new Error(`${file} has ${matches} places for the mutation '${name}'`);
      return { ...loaded, source: source.replace(from, () => to) };
    },
  });
}

if (name !== "") {
  const mutation = mutations.find((each) => each.name === name);
  if (mutation === undefined) throw new Error(`no mutation is called '${name}'`);
  plant(mutation);
}
// Dynamic, so that it comes after the hook.
const { searchForViolation } = await import("./search.ts");
const found = await searchForViolation({ seed, steps: Number(steps), shrinks: false });
const result: HuntResult = { rule: found.failure?.run.violation?.rule, steps: found.steps };
process.stdout.write(`${JSON.stringify(result)}\n`);
