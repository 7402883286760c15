import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { describeError, RuntimeError } from "../errors.ts";
import type { TensorSpec } from "../tensor.ts";
import { modelFormats } from "./engine-catalog.ts";
import type { HostEngine, HostModel } from "./host-engine.ts";
import type { FailedMessage, LoadedMessage, LoadMessage } from "./host-messages.ts";
import {
  decodeJson,
  decodeTensors,
  encodeJson,
  encodeTensors,
  type Frame,
  type FrameKind,
  FrameReader,
  frameKind,
  writeFrame,
} from "./host-protocol.ts";
import { anonymousBytes, privateBytes } from "./process-memory.ts";

// Entry of an engine host. It has one socket to the server, on fd 3, and does what the frames there say,
// strictly one at a time: engines block, and the growth of memory around a load is measured.

const serverFd = 3;

/** An exit code that no engine uses, so that a log tells a bug of ours from a crash of theirs. */
const brokenExitCode = 70;

const shortRunMs = 0.25;
const maxHeldMs = 1;

const engines = new Map<string, HostEngine>();
const models = new Map<number, HostModel>();
const waiting: Frame[] = [];
let working = false;

// Ctrl-C in a terminal and a container's stop reach the whole process group; the server decides when.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.title = "modelport-engine-host";

const server = new Socket({ fd: serverFd, readable: true, writable: true });
const reader = new FrameReader((frame) => {
  waiting.push(frame);
  if (!working) void work();
});
server.on("data", (chunk: Buffer) => {
  try {
    reader.push(chunk);
  } catch (error) {
    process.stderr.write(`the server sent ${describeError(error)}\n`);
    process.exit(brokenExitCode);
  }
});
// An error precedes the close. Both mean that the server is gone: there is nobody left to work for.
server.on("error", () => {});
server.on("close", () => process.exit(0));

// All engines at once, before anybody waits: a warm spare is only warm with its libraries loaded.
for (const format of modelFormats) engines.set(format.name, await format.importEngine());
answer({ call: 0, model: 0 }, frameKind.ready, encodeJson({ memoryBytes: anonymousBytes() }));
// Node writes its compile cache at exit, but most hosts are killed. Does nothing without a cache.
flushCompileCache();

async function work(): Promise<void> {
  working = true;
  let heldSinceMs = 0;
  for (let frame = waiting.shift(); frame !== undefined; frame = waiting.shift()) {
    const startMs = performance.now();
    if (server.writableCorked === 0) {
      server.cork();
      heldSinceMs = startMs;
    }
    try {
      await handle(frame);
    } catch (error) {
      fail(frame, error);
    }
    // An answer waits for those behind it only if they will take no time: a write costs more than a
    // short run does. What says so is a run of the same model just before.
    const nowMs = performance.now();
    const isShort = frame.kind === frameKind.run && nowMs - startMs < shortRunMs;
    const next = waiting[0];
    const isSameNext = next?.kind === frame.kind && next.model === frame.model;
    if (!(isShort && isSameNext && nowMs - heldSinceMs < maxHeldMs)) server.uncork();
  }
  working = false;
}

async function handle(frame: Frame): Promise<void> {
  switch (frame.kind) {
    case frameKind.load:
      return load(frame);
    case frameKind.run:
      return run(frame);
    case frameKind.release:
      return release(frame);
    default:
      throw new Error(`the server sent a frame of kind ${frame.kind}`);
  }
}

async function load(frame: Frame): Promise<void> {
  const { format, file, threads, ownsHost } = decodeJson<LoadMessage>(frame.payload);
  const engine = engines.get(format);
  if (engine === undefined) throw new RuntimeError("load-failed", `no engine for ${format}`);
  const before = anonymousBytes();
  const model = await engine.load(file, { threads });
  models.set(frame.model, model);
  const after = ownsHost ? privateBytes() : anonymousBytes();
  const growth = before === undefined || after === undefined ? undefined : after - before;
  const message: LoadedMessage = {
    inputs: model.inputs,
    outputs: model.outputs,
    measuredBytes: ownsHost ? after : growth,
    memoryBytes: after,
  };
  answer(frame, frameKind.loaded, encodeJson(message));
}

async function run(frame: Frame): Promise<void> {
  const model = models.get(frame.model);
  if (model === undefined) throw new RuntimeError("aborted", "the model was unloaded");
  const { wanted, tensors } = decodeTensors(frame.payload);
  const inputs = tensors.map(({ index, ...tensor }) => ({
    ...tensor,
    name: specAt(model.inputs, index).name,
  }));
  const results = await model.run(
    inputs,
    wanted.map((index) => specAt(model.outputs, index).name),
  );
  const indexed = results.map((tensor, index) => ({ ...tensor, index }));
  try {
    answer(frame, frameKind.ran, encodeTensors({ wanted: [], tensors: indexed }));
  } catch (error) {
    throw new RuntimeError("run-failed", `the outputs are too big: ${describeError(error)}`);
  }
}

async function release(frame: Frame): Promise<void> {
  const model = models.get(frame.model);
  models.delete(frame.model);
  await model?.release();
  answer(frame, frameKind.released, encodeJson({ memoryBytes: anonymousBytes() }));
}

function specAt(specs: readonly TensorSpec[], index: number): TensorSpec {
  const spec = specs[index];
  if (spec === undefined) throw new Error(`the server named tensor ${index} of ${specs.length}`);
  return spec;
}

function fail(frame: Frame, error: unknown): void {
  const kind = frame.kind === frameKind.load ? "load-failed" : "run-failed";
  const message: FailedMessage = {
    kind: error instanceof RuntimeError ? error.kind : kind,
    message: describeError(error),
  };
  answer(frame, frameKind.failed, encodeJson(message));
}

function answer(
  { call, model }: { readonly call: number; readonly model: number },
  kind: FrameKind,
  chunks: readonly Uint8Array[],
): void {
  writeFrame(server, { kind, call, model }, chunks);
}
