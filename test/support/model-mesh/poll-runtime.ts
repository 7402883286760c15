import type { MeshBooks } from "./mesh-books.ts";
import type { MeshClock } from "./mesh-clock.ts";
import type { RuntimeChannel } from "./runtime-channel.ts";
import {
  type RuntimeParameters,
  type RuntimeStatusAnswer,
  readParameters,
} from "./runtime-parameters.ts";

const pollMs = 2000;
/** From the first poll to the point where ModelMesh gives up on the runtime; real time, as all that it
 *  grants a runtime. */
const budgetMs = 180_000;

/** Asks each candidate in turn, as ModelMesh does at its start, until one is READY. Those that lost are
 *  closed. Throws what ends ModelMesh: FAILING, UNIMPLEMENTED, a deadline, or unsound parameters. */
export async function pollRuntime(
  candidates: readonly RuntimeChannel[],
  { clock, books }: { clock: MeshClock; books: MeshBooks },
): Promise<{ channel: RuntimeChannel; parameters: RuntimeParameters }> {
  const startedMs = performance.now();
  for (;;) {
    const leftMs = budgetMs - (performance.now() - startedMs);
    if (leftMs <= 0) throw new Error("the runtime was not ready within 180 s");
    for (const channel of candidates) {
      const outcome = await channel.manage<RuntimeStatusAnswer>(
        "runtimeStatus",
        {},
        { timeoutMs: leftMs },
      );
      const poll = outcome.code === "OK" ? outcome.message.status : outcome.code;
      books.polls.push(poll);
      if (poll === "FAILING" || poll === "UNIMPLEMENTED" || poll === "DEADLINE_EXCEEDED") {
        throw new Error(`the runtime answered ${poll}`);
      }
      if (outcome.code === "OK" && poll === "READY") {
        const parameters = readParameters(outcome.message);
        for (const other of candidates) if (other !== channel) other.close();
        return { channel, parameters };
      }
    }
    await clock.delay(pollMs);
  }
}
