import { ModelClient } from "./load/model-client.ts";
import type { Program } from "./program.ts";
import type { Workbench } from "./workbench.ts";

/** Runs `measure` on a program of its own that takes models, which is stopped afterwards. */
export async function withModelport(
  bench: Workbench,
  measure: (program: Program, client: ModelClient) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const program = await bench.startModelport(flags);
  const client = await ModelClient.open(program.port);
  try {
    await client.ready();
    await measure(program, client);
  } finally {
    client.close();
    await program.stop();
  }
}
