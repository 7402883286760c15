import assert from "node:assert/strict";
import http2 from "node:http2";
import { before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { callRest } from "../clients/rest-calls.ts";
import { suiteCleanup } from "../fakes/fake-server.ts";
import { type Runtime, startRuntime } from "../servers/runtime.ts";
import { waitFor } from "../wait-for.ts";
import { fuzzModels, restCall, validRestRequests } from "./fuzz-requests.ts";
import { type FuzzCase, fuzzSeed, runFuzz } from "./fuzz-run.ts";

/** Where the cases go. */
export interface FuzzTarget {
  readonly baseUrl: string;
  /** HTTP/2, shared by all cases. */
  readonly session: http2.ClientHttp2Session;
}

export interface FuzzSuite {
  /** What is mutated. */
  readonly what: string;
  /** Over all kinds, which have equal shares. */
  readonly cases: number;
  /** By name. */
  readonly kinds: Readonly<Record<string, (target: FuzzTarget) => FuzzCase>>;
}

const inFlight = 16;
const limitMs = 60_000;
const maxHeapGrowthBytes = 24 * 1024 * 1024;

/** Sends every kind of case to a runtime with real models, and holds it to leave no trace. */
export function fuzzSuite({ what, cases, kinds }: FuzzSuite): void {
  const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);
  describe(`${what} (MODELPORT_FUZZ_SEED=${seed})`, () => {
    const cleanup = suiteCleanup();
    let runtime: Runtime;
    let target: FuzzTarget;
    before(async () => {
      runtime = await startRuntime({ maxMessageBytes: 1024 * 1024 });
      cleanup.after(() => runtime.close());
      for (const [id, bytes] of Object.entries(fuzzModels)) {
        const path = await runtime.put(`${id}.onnx`, bytes);
        await runtime.models.load({ id, path, type: "", key: "" }, AbortSignal.timeout(60_000));
      }
      const baseUrl = `http://127.0.0.1:${runtime.port}`;
      const session = http2.connect(baseUrl);
      cleanup.after(async () => session.destroy());
      target = { baseUrl, session };
    });

    it("are answered in good form, and leave server, hosts and memory as they were", async (t) => {
      const hostPids = () => Object.keys(fuzzModels).map((id) => runtime.models.hostPidOf(id));
      const pidsBefore = hostPids();
      const casesOfKinds = Object.entries(kinds).map(
        ([kind, make]) => [kind, make(target)] as const,
      );
      const count = Math.ceil(cases / casesOfKinds.length);
      const warmUp = Math.ceil(count / 8);
      for (const [kind, fuzzCase] of casesOfKinds) {
        await runFuzz(fuzzCase, { kind, seed, first: 0, count: warmUp, inFlight, limitMs });
      }
      const heapBefore = heapBytes();
      for (const [kind, fuzzCase] of casesOfKinds) {
        const outcomes = await runFuzz(fuzzCase, {
          kind,
          seed,
          first: warmUp,
          count,
          inFlight,
          limitMs,
        });
        t.diagnostic(`${kind}: ${JSON.stringify(outcomes)}`);
        // Else the mutations would be too weak or too strong to find anything.
        assert.ok(outcomes.refused > 0, `${kind}: none was refused`);
        assert.ok(outcomes.accepted > 0, `${kind}: none was accepted`);
      }
      await waitFor(() => runtime.models.leaseCount === 0);
      const growthBytes = heapBytes() - heapBefore;
      t.diagnostic(`${count * casesOfKinds.length} cases, the heap grew by ${growthBytes} bytes`);
      assert.ok(growthBytes < maxHeapGrowthBytes, `the heap grew by ${growthBytes} bytes`);
      assert.deepEqual(hostPids(), pidsBefore, "no engine host died");
      assert.equal(target.session.destroyed, false, "no case ended the connection of others");
      for (const valid of validRestRequests) {
        const { path, ...request } = restCall(valid);
        const answer = await callRest(runtime.port, path, request);
        assert.equal(answer.status, 200, answer.bytes.toString());
      }
    });
  });
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}
