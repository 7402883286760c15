import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { RuntimeError } from "../../src/base/errors.ts";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import {
  encodeJson,
  encodeTensors,
  FrameReader,
  frameKind,
  writeFrame,
} from "../../src/engine/wire/host-protocol.ts";
import framesThatWereHarmful from "../fixtures/host-frames.json" with { type: "json" };
import { fuzzRandom } from "../support/attacks/fuzz-seed.ts";
import { mutateBytes } from "../support/attacks/mutate.ts";
import { addOne } from "../support/models/simple-models.ts";
import {
  type EngineFixture,
  forever,
  fp32,
  fp32Values,
  isRunning,
  startEngine,
} from "../support/servers/engine-fixture.ts";

const damageRounds = 16;
const hostRounds = 8;
const framesPerHost = 40;
/** Some damage makes a frame that never ends, which no caller but one with a deadline can notice. */
const deadlineMs = 1_500;
const brokenExitCode = 70;
const limitMs = 300_000;

/** The place of an answer: bytes mutated by a seed, or another frame for the same call. */
type Damage =
  | { readonly seed: number }
  | { readonly kind: number; readonly text?: string; readonly hex?: string };

interface DamagedEngine extends EngineFixture {
  /** Damages the next answer of any host to a run. */
  damage(order: Damage): Promise<void>;
}

/** An engine whose hosts damage an answer on its way out when they are told to. */
async function startDamagedEngine(t: TestContext): Promise<DamagedEngine> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-damage-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const orderFile = join(directory, "order.json");
  const preload = join(directory, "preload.mjs");
  const moduleUrl = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  await writeFile(
    preload,
    `import { readFileSync, rmSync } from "node:fs";
     import net from "node:net";
     import { mutateBytes, Random } from ${moduleUrl("../support/attacks/mutate.ts")};
     import { writeFrame } from ${moduleUrl("../../src/engine/wire/host-protocol.ts")};
     const { write } = net.Socket.prototype;
     net.Socket.prototype.write = function (chunk, ...more) {
       let order;
       try {
         if (this._handle?.fd === 3 && chunk[6] === ${frameKind.ran}) {
           order = JSON.parse(readFileSync(${JSON.stringify(orderFile)}, "utf8"));
           rmSync(${JSON.stringify(orderFile)});
         }
       } catch {}
       if (order === undefined) return write.call(this, chunk, ...more);
       if ("seed" in order) return write.call(this, mutateBytes(chunk, new Random(order.seed)));
       const head = { kind: order.kind, call: chunk.readUInt32LE(8), model: chunk.readUInt32LE(12) };
       const payload = "hex" in order ? Buffer.from(order.hex, "hex") : Buffer.from(order.text);
       writeFrame(this, head, [payload]);
       return true;
     };`,
  );
  const environment = { NODE_OPTIONS: `--import=${preload}` };
  const fixture = await startEngine(t, { hosts: 1, environment });
  return { ...fixture, damage: (order) => writeFile(orderFile, JSON.stringify(order)) };
}

function add(model: LoadedModel, signal: AbortSignal) {
  return model.infer({ inputs: [fp32("x", [1, 4], [1, 2, 3, 4])], outputs: ["y"] }, signal);
}

// Both have an engine of their own, and mostly wait.
describe("a host whose answers are damaged", { timeout: limitMs, concurrency: 2 }, () => {
  it("is killed for every frame that did harm once, and its call ends", async (t) => {
    const { put, load, damage } = await startDamagedEngine(t);
    const path = await put("add.onnx", addOne());
    for (const { what, ...order } of framesThatWereHarmful) {
      const model = await load(path);
      await damage(order as Damage);
      await assert.rejects(add(model, AbortSignal.timeout(20_000)), (error: unknown) => {
        assert.ok(error instanceof RuntimeError, `${what}: ${error}`);
        assert.equal(error.kind, "host-lost", `${what}: ${error.message}`);
        assert.match(error.message, /^the engine host sent .* and was killed$/, what);
        return true;
      });
      assert.equal((await model.lost).kind, "host-lost");
      assert.equal(isRunning(model.hostPid), false, what);
    }
    assert.deepEqual(fp32Values((await add(await load(path), forever))[0]), [2, 3, 4, 5]);
  });

  it("costs a call at most its deadline, whatever the damage; then the engine serves again", async (t) => {
    const random = fuzzRandom(t);
    const { put, load, damage } = await startDamagedEngine(t);
    const path = await put("add.onnx", addOne());
    const outcomes: Record<string, number> = {};
    let model = await load(path);
    /** Runs once, in a new host if the last one is gone; how that ended. */
    const attempt = async (): Promise<string> => {
      if (!isRunning(model.hostPid)) model = await load(path);
      const signal = AbortSignal.timeout(deadlineMs);
      return await add(model, signal).then(
        (outputs) => (`${fp32Values(outputs[0])}` === "2,3,4,5" ? "right" : "other values"),
        (error: unknown) => {
          if (error === signal.reason) return "deadline";
          return error instanceof RuntimeError ? "an error that is ours" : `thrown: ${error}`;
        },
      );
    };
    for (let round = 0; round < damageRounds; round++) {
      await damage({ seed: random.below(2 ** 31) });
      const outcome = await attempt().catch((error: unknown) => `thrown: ${error}`);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      let later = "";
      // The bytes that were missing are taken from the next answer, which ends a host that has lost its place.
      for (let tries = 0; later !== "right" && tries < 4; tries++) later = await attempt();
      assert.equal(later, "right", `round ${round} after ${outcome}`);
    }
    t.diagnostic(JSON.stringify(outcomes));
    assert.ok((outcomes["right"] ?? 0) < damageRounds / 2, "the damage does harm");
    for (const outcome of Object.keys(outcomes)) assert.doesNotMatch(outcome, /^thrown/);
  });
});

describe("an engine host that is sent damaged frames", { timeout: limitMs }, () => {
  const entry = fileURLToPath(new URL("../../src/engine/child/host-main.ts", import.meta.url));

  /** A host without a server; `frames` counts what it has said. */
  async function startHost(t: TestContext) {
    const host = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", entry], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    t.after(() => void host.kill("SIGKILL"));
    const ended = once(host, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const socket = host.stdio[3] as Duplex;
    const seen = { frames: 0 };
    const ready = Promise.withResolvers<void>();
    const reader = new FrameReader(() => {
      seen.frames++;
      ready.resolve();
    });
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => {});
    await ready.promise;
    return { host, socket, ended, seen };
  }

  it("goes on or ends with its own exit code: it neither crashes nor hangs", async (t) => {
    const random = fuzzRandom(t);
    const directory = await mkdtemp(join(tmpdir(), "modelport-frames-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, "add.onnx");
    await writeFile(file, addOne());
    const ends: Record<string, number> = {};
    for (let round = 0; round < hostRounds; round++) {
      const { socket, ended, seen, host } = await startHost(t);
      const pieces: Buffer[] = [];
      const collect = {
        write: (piece: Uint8Array) => pieces.push(Buffer.from(piece)),
        cork() {},
        uncork() {},
      };
      const sink = collect as unknown as Parameters<typeof writeFrame>[0];
      const load = { format: "onnx", file, threads: 1, ownsHost: false };
      const parts = [Buffer.alloc(16)];
      const tensor = { index: 0, datatype: "FP32", shape: [1, 4], parts } as const;
      writeFrame(sink, { kind: frameKind.load, call: 1, model: 1 }, encodeJson(load));
      writeFrame(
        sink,
        { kind: frameKind.run, call: 2, model: 1 },
        encodeTensors({
          wanted: [0],
          runMs: 0,
          computeMs: 0,
          freeAtMs: 0,
          startedAtMs: 0,
          peakBytes: 0,
          memoryBytes: 0,
          tensors: [tensor],
        }),
      );
      writeFrame(sink, { kind: frameKind.release, call: 3, model: 1 });
      for (let sent = 0; sent < framesPerHost && socket.writable; sent++) {
        const piece = pieces[sent % pieces.length] ?? Buffer.alloc(0);
        // Payloads mostly: a damaged header ends the host at once.
        const start = random.below(12) === 0 ? 0 : Math.min(16, piece.length);
        const damaged = Buffer.from(piece);
        const tail = mutateBytes(damaged.subarray(start), random);
        // Of the same length, so that the next frame is found.
        tail.copy(damaged, start, 0, damaged.length - start);
        socket.write(damaged);
      }
      // A host without a server ends.
      socket.end();
      const [code, signal] = await ended;
      assert.equal(signal, null, `round ${round}: killed by ${signal}`);
      assert.ok(code === 0 || code === brokenExitCode, `round ${round}: exit code ${code}`);
      assert.equal(isRunning(host.pid ?? 0), false);
      const end = `code ${code}`;
      ends[end] = (ends[end] ?? 0) + 1;
      assert.ok(seen.frames >= 1);
    }
    t.diagnostic(JSON.stringify(ends));
  });
});
