import { serveZoo } from "./served-zoo.ts";
import { type Outcome, tryCase } from "./try-case.ts";
import { readCase, readManifest, type ZooFacts } from "./zoo-case.ts";

export interface TriedCase {
  readonly facts: ZooFacts;
  readonly outcome: Outcome;
}

export interface TriedKind {
  readonly kind: string;
  readonly versions: Readonly<Record<string, string>>;
  /** What could not be made, one line each. */
  readonly skipped: readonly string[];
  /** In the order of the manifest. */
  readonly tried: readonly TriedCase[];
}

export interface ZooRunOptions {
  readonly kinds: readonly string[];
  /** Models in flight at once. */
  readonly concurrency: number;
  /** Which names are tried. */
  readonly only: RegExp;
  say(line: string): void;
}

/** Tries every model that the manifests of `work` name, kind by kind, each kind in a program of its own. */
export async function runZoo(work: string, options: ZooRunOptions): Promise<TriedKind[]> {
  const kinds: TriedKind[] = [];
  for (const kind of options.kinds) kinds.push(await runKind(work, kind, options));
  return kinds;
}

async function runKind(
  work: string,
  kind: string,
  { concurrency, only, say }: ZooRunOptions,
): Promise<TriedKind> {
  const { versions, skipped, cases } = await readManifest(work, kind);
  const chosen = cases.filter(({ name }) => only.test(name));
  const tried = new Array<TriedCase>(chosen.length);
  const served = await serveZoo(work);
  try {
    const entries = chosen.entries();
    // All take from the same iterator.
    const worker = async () => {
      for (const [at, entry] of entries) {
        const { kind, name, group, changed, ...rest } = await readCase(work, entry);
        const facts = { kind, name, group, changed };
        tried[at] = { facts, outcome: await tryCase({ ...facts, ...rest }, served) };
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    const exit = await served.close();
    if (exit !== 0) say(`${kind}: the program ended with ${exit}`);
  }
  say(`${kind}: ${tried.length} tried`);
  return { kind, versions, skipped, tried };
}
