import { ModelClient } from "../load/model-client.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

interface NamedFile {
  readonly id: string;
  readonly file: string;
}

/** Starts ourselves with these models, on one core like the other servers, with one engine host for it. */
export async function startModelport(
  bench: Workbench,
  models: readonly NamedFile[],
): Promise<Program> {
  const program = await bench.startModelport(["--engine-hosts", "1"], bench.cores.server);
  const client = await ModelClient.open(program.port);
  await client.ready();
  for (const { id, file } of models) await client.load(id, file);
  client.close();
  return program;
}
