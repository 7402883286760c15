// modelport-echo.ts with what its argument says: nothing more ("off"), the access log ("access-log"), or
// tracing of a share of calls, which is sent to the port of the second argument ("0.01 4318").
import type { AccessLog } from "../../src/access-log-settings.ts";
import { createLogger } from "../../src/log.ts";
import { CallLog } from "../../src/rpc/call-log.ts";
import { CallMetrics } from "../../src/rpc/call-metrics.ts";
import { combineObservers } from "../../src/rpc/call-observer.ts";
import { CallTracing } from "../../src/rpc/call-tracing.ts";
import { buildServer } from "../../src/rpc/server.ts";
import type { InferenceRequest, InferenceResult } from "../../src/service/models.ts";
import { openTracing } from "../../src/tracing.ts";
import { FakeModels } from "../../test/support/fake-models.ts";
import { announce } from "./announce.ts";

/** Echoes, and leaves the times of an inference, so that a traced one has all of its spans. */
class EchoModels extends FakeModels {
  override async infer(_id: string, { inputs, times }: InferenceRequest): Promise<InferenceResult> {
    if (times !== undefined) {
      const nowMs = performance.now();
      Object.assign(times, { queuedAtMs: nowMs, sentAtMs: nowMs, answeredAtMs: nowMs });
    }
    return { version: "", outputs: inputs };
  }
}

const [mode = "off", collectorPort] = process.argv.slice(2);
const log = createLogger("info");
const tracing =
  collectorPort === undefined
    ? undefined
    : await openTracing(
        {
          serviceName: "bench",
          resourceAttributes: "",
          url: `http://127.0.0.1:${collectorPort}/v1/traces`,
          sampler: "traceidratio",
          sampledShare: Number(mode),
          maxQueueSize: 2_048,
          maxBatchSize: 512,
          scheduleDelayMs: 5_000,
          exportTimeoutMs: 30_000,
        },
        log,
      );
const settings: AccessLog = {
  calls: mode === "access-log" ? "all" : "off",
  maxLinesPerSecond: 100,
};
const callLog =
  mode === "off"
    ? undefined
    : new CallLog({ log, settings, tracing: tracing && new CallTracing(tracing) });
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
  log,
  observer: combineObservers([new CallMetrics(), callLog]),
});
announce((await server.listen()).port);
