import { ModelClient } from "../load/model-client.ts";
import { openInference } from "./open-inference.ts";
import type { Peer } from "./peer.ts";

/** Ourselves, on one core like the others, with one engine host for it. */
export const modelport: Peer = {
  ...openInference,
  name: "modelport",
  missing: undefined,
  async start(bench, models) {
    const program = await bench.startModelport(["--engine-hosts", "1"], bench.cores.server);
    const client = await ModelClient.open(program.port);
    await client.ready();
    for (const { model, file } of models) await client.load(model.name, file);
    client.close();
    return program;
  },
};
