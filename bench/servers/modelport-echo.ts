// Modelport's wire layer as main.ts sets it up, over a model that echoes tensors in this process: only the
// RPC is measured.

import { createLogger } from "../../src/observe/log.ts";
import { CallMetrics } from "../../src/rpc/observe/call-metrics.ts";
import { buildServer } from "../../src/rpc/server.ts";
import type { InferenceRequest, InferenceResult } from "../../src/service/contract/models.ts";
import { setCollectorFlags } from "../../src/start/collector-flags.ts";
import { FakeModels } from "../../test/support/fakes/fake-models.ts";
import { announce } from "./announce.ts";

/** Every model id echoes. Unlike its parent it remembers no calls, which would fill the memory. */
class EchoModels extends FakeModels {
  override async infer(_id: string, { inputs }: InferenceRequest): Promise<InferenceResult> {
    return { version: "", outputs: inputs };
  }
}

setCollectorFlags();
const models = new EchoModels();
const server = await buildServer({
  models,
  readiness: models,
  options: {
    host: "127.0.0.1",
    port: 0,
    version: "bench",
    readMaxBytes: 64 * 1024 * 1024,
    closeGraceMs: 0,
    peekTimeoutMs: 10_000,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 300_000,
  },
  log: createLogger("info"),
  observer: new CallMetrics(),
});
announce((await server.listen()).port);
