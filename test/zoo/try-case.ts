import { ConnectError } from "@connectrpc/connect";
import { compareAnswers, type Likeness } from "./compare-tensors.ts";
import type { Way } from "./ways/way.ts";
import type { ZooCase, ZooRun } from "./zoo-case.ts";

/** Loads and unloads, as ModelMesh does. Both reject if the server does not answer OK. */
export interface ModelLoader {
  load(id: string, path: string): Promise<unknown>;
  unload(id: string): Promise<unknown>;
}

/** What became of a model. */
export type Outcome =
  /** Every form gave the runtime's own answer to the last bit, or but for the last bits. `random`: its values are
   *  random, so only names, datatypes and shapes were compared. */
  | { readonly kind: "equal"; readonly random: boolean }
  | { readonly kind: "close"; readonly detail: string }
  | { readonly kind: "different"; readonly detail: string }
  /** We do not serve it, though the runtime does. */
  | { readonly kind: "refused"; readonly detail: string }
  /** The runtime itself does not answer; it was not tried. */
  | { readonly kind: "unanswerable"; readonly detail: string };

/** Has one model loaded, asked in all forms at once, and unloaded. */
export async function tryCase(
  zooCase: ZooCase,
  { ways, loader }: { readonly ways: readonly Way[]; readonly loader: ModelLoader },
): Promise<Outcome> {
  const { kind, name, model, runs, refusal } = zooCase;
  if (refusal !== undefined) return { kind: "unanswerable", detail: refusal };
  const id = `${kind}-${name}`;
  try {
    await loader.load(id, model);
  } catch (error) {
    return { kind: "refused", detail: reasonOf(error) };
  }
  try {
    const formless = zooCase.formless;
    if (formless !== undefined) return { kind: "different", detail: `${formless} was taken` };
    const questions = runs.flatMap((run) => carriers(ways, run).map((way) => ask(id, way, run)));
    const found = await Promise.all(questions);
    const worst =
      found.find((each) => each.kind === "refused") ??
      found.find((each) => each.kind === "different") ??
      found.find((each) => each.kind === "close");
    return worst ?? { kind: "equal", random: runs.some(({ random }) => random) };
  } finally {
    await loader.unload(id);
  }
}

function carriers(ways: readonly Way[], { inputs, outputs }: ZooRun): Way[] {
  return ways.filter((way) => [...inputs, ...outputs].every((tensor) => way.carries(tensor)));
}

async function ask(
  model: string,
  way: Way,
  { inputs, outputs, random }: ZooRun,
): Promise<Exclude<Likeness, { kind: "equal" }> | Extract<Outcome, { kind: "equal" | "refused" }>> {
  try {
    const answer = await way.infer(model, inputs);
    const { tellsNonFinite } = way;
    const likeness = compareAnswers(outputs, answer, { random, tellsNonFinite });
    if (likeness.kind === "equal") return { kind: "equal", random };
    return { ...likeness, detail: `${way.name}: ${likeness.detail}` };
  } catch (error) {
    return { kind: "refused", detail: `${way.name}: ${reasonOf(error)}` };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : String(error);
}
