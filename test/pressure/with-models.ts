import { loadCall, unloadCall } from "./messages.ts";
import type { Tally } from "./tally.ts";
import type { Way } from "./way.ts";
import { callGrpc, openSession } from "./wire-calls.ts";

/** Runs `work` while the models of `way` are loaded. Loads have to be answered, if it does not say otherwise; so do
 *  unloads. */
export async function withModels(
  { models = {}, mayNotFit = false }: Way,
  { port, tally }: { readonly port: number; readonly tally: Tally },
  work: (loaded: readonly string[]) => Promise<void>,
): Promise<void> {
  const session = openSession(port);
  const loaded: string[] = [];
  try {
    for (const [id, name] of Object.entries(models)) {
      const end = await callGrpc(session, loadCall(id, name));
      const isFull = end.code === "RESOURCE_EXHAUSTED" && mayNotFit && loaded.length > 0;
      if (isFull) break;
      if (end.code === "answered") loaded.push(id);
      else tally.complain(`${id} cannot be loaded: ${end.code} ${end.text ?? ""}`);
    }
    await work(loaded);
  } finally {
    for (const id of Object.keys(models)) {
      const { code, text = "" } = await callGrpc(session, unloadCall(id));
      if (code !== "answered") tally.complain(`unloadModel ${id}: ${code} ${text}`);
    }
    session.destroy();
  }
}
