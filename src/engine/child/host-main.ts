import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { monotonicMs } from "../../base/monotonic-clock.ts";
import type { Tensor, TensorSpec } from "../../base/tensor.ts";
import { engineFormats } from "../catalog.ts";
import type { HostEngine, HostModel } from "../contract/host-engine.ts";
import {
  anonymousBytes,
  collectBuffers,
  dropHeapPages,
  nativeBytes,
  privateBytes,
  processMemory,
  shrinkHeap,
} from "../process/memory-counters.ts";
import { checkThreadsFit } from "../process/thread-stacks.ts";
import type {
  FailedMessage,
  LoadedMessage,
  LoadMessage,
  MeasuredMemory,
  ReadyMessage,
  ReleasedMessage,
  RestedMessage,
  WarmedMessage,
  WarmUpMessage,
} from "../wire/host-messages.ts";
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
} from "../wire/host-protocol.ts";
import { StoredPayloads } from "../wire/payload-arena.ts";
import { MemoryRest, ownMemory } from "./memory-rest.ts";
import { preferForOom } from "./oom-score.ts";
import { PeakGrowth } from "./peak-growth.ts";
import { warmUp } from "./warm-up.ts";

// Entry point of an engine host. Its one socket to the server is fd 3. It handles the frames from there
// strictly one at a time: engines block, and the memory growth around a load is measured.

const serverFd = 3;
/** The server puts large payloads here, if it could create the memory file. */
const arenaFd = 4;

/** An exit code that no engine uses, so that a log tells our bugs from an engine's crashes. */
const brokenExitCode = 70;

/** How many responses may share one write, which costs more than a short run: at most half of what the server
 *  sends ahead, so that it keeps sending while the other half runs. Of two or three runs, each response is
 *  sent by itself. */
const mostShare = 16;
const leastShare = 4;
/** A response is held back for at most this long. */
const maxHeldMs = 1;

const engines = new Map<string, HostEngine>();
const models = new Map<number, HostModel>();
const waiting: Frame[] = [];
/** Frees what runs left behind, once the socket has been quiet for a while. */
let idleTimer: NodeJS.Timeout | undefined;
const idleMs = 250;
const memoryRest = new MemoryRest(ownMemory(Number(process.argv[2])));
/** A model of this size or more is measured after free memory is given back, and its unload gives its memory
 *  back. */
const restedFromBytes = 1024 * 1024;
/** Models that measured less. */
const small = new Set<number>();
/** Native memory before the load of the model that is warmed up next. */
let beforeWarmUp: number | undefined;
let working = false;
/** When it was done with the frame before the present one. */
let freeAtMs = performance.now();

// Ctrl-C in a terminal and a container's stop signal the whole process group; the server decides when to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.title = "modelport-engine-host";
preferForOom();

/** One buffer for all reads: frames are assembled elsewhere. Node would allocate 64 KiB for each read and
 *  shrink most of it, and what stays until the next collection would fragment the heap that models share. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
const storedPayloads = new StoredPayloads(arenaFd);
const reader = new FrameReader((frame) => waiting.push(frame), storedPayloads);
const server = new Socket({
  fd: serverFd,
  readable: true,
  writable: true,
  onread: {
    buffer: readBuffer,
    callback(byteCount) {
      take(readBuffer.subarray(0, byteCount));
      return true;
    },
  },
});
// An error precedes the close. Both mean that the server is gone, and with it all work.
server.on("error", () => {});
server.on("close", () => process.exit(0));

// All engines at once, before any call: a warm spare is only warm with its libraries loaded.
for (const format of engineFormats) {
  const engine = await format.importEngine();
  if (process.argv[3] === "cuda") engine.useCuda?.();
  engines.set(format.name, engine);
}
letGo();
const atStart = processMemory();
const readyMessage: ReadyMessage = {
  memoryBytes: atStart?.anonymousBytes,
  dataBytes: atStart?.dataBytes,
};
answer({ call: 0, model: 0 }, frameKind.ready, encodeJson(readyMessage));
// Node writes its compile cache at exit, but most hosts are killed. A no-op without a cache.
flushCompileCache();
idleTimer = setTimeout(onIdle, idleMs);

function take(chunk: Buffer): void {
  try {
    reader.push(chunk);
  } catch (error) {
    process.stderr.write(`the server sent ${describeError(error)}\n`);
    process.exit(brokenExitCode);
  }
  if (!working) void work();
}

async function work(): Promise<void> {
  working = true;
  idleTimer?.refresh();
  let held = 0;
  let share = 1;
  let heldSinceMs = 0;
  for (let frame = waiting.shift(); frame !== undefined; frame = waiting.shift()) {
    if (held === 0) {
      server.cork();
      heldSinceMs = performance.now();
      const here = waiting.length + 1;
      share = here < leastShare ? 1 : Math.min(here, mostShare);
    }
    held++;
    try {
      // Most runs are synchronous, and a promise per run would cost a good part of a short one.
      const handling = handle(frame);
      if (handling !== undefined) await handling;
    } catch (error) {
      fail(frame, error);
    }
    storedPayloads.giveBack(frame.payload);
    freeAtMs = performance.now();
    // A response waits for the runs behind it only if they will probably take no time: runs of the same
    // model, when the previous ones were short.
    const heldMs = freeAtMs - heldSinceMs;
    const isShort = heldMs + heldMs / held < maxHeldMs;
    const next = waiting[0];
    const isSame = frame.kind === frameKind.run && next?.kind === frame.kind;
    if (isSame && next.model === frame.model && isShort && held < share) continue;
    held = 0;
    server.uncork();
  }
  working = false;
  // The time counts from here as well: a long run would use all of it.
  idleTimer?.refresh();
}

function handle(frame: Frame): void | Promise<void> {
  switch (frame.kind) {
    case frameKind.load:
      return load(frame);
    case frameKind.warmUp:
      return warmUpLoaded(frame);
    case frameKind.run:
      return run(frame);
    case frameKind.release:
      return release(frame);
    case frameKind.rest:
      return rest(frame);
    default:
      throw new Error(`the server sent a frame of kind ${frame.kind}`);
  }
}

/** Other processes need the memory that is free in this one. */
function rest(frame: Frame): void {
  letGo();
  const message: RestedMessage = { memoryBytes: anonymousBytes() };
  answer(frame, frameKind.rested, encodeJson(message));
}

/** From here on, the memory of this process is that of its models. */
function letGo(): void {
  storedPayloads.letGo();
  collectBuffers();
  memoryRest.ifGrown(restedFromBytes);
}

function onIdle(): void {
  shrinkHeap();
  storedPayloads.letGo();
  collectBuffers();
  memoryRest.idle();
}

async function load(frame: Frame): Promise<void> {
  const message = decodeJson<LoadMessage>(frame.payload);
  const { format, file, access, choices, threads, ownsHost, isWarmedUp } = message;
  const engine = engines.get(format);
  if (engine === undefined) throw new RuntimeError("load-failed", `no engine for ${format}`);
  if (!ownsHost) letGo();
  checkThreadsFit(threads);
  const before = ownsHost ? undefined : nativeBytes(anonymousBytes());
  const model = await engine.load(file, { threads, access, choices });
  models.set(frame.model, model);
  beforeWarmUp = before;
  const loaded: LoadedMessage = {
    inputs: model.inputs,
    outputs: model.outputs,
    memory: isWarmedUp ? undefined : measure(frame.model, message, before),
  };
  answer(frame, frameKind.loaded, encodeJson(loaded));
}

/** Follows the load of the same model directly. */
async function warmUpLoaded(frame: Frame): Promise<void> {
  const { mostRows, ...measured } = decodeJson<WarmUpMessage>(frame.payload);
  const model = models.get(frame.model);
  if (model === undefined) throw new RuntimeError("aborted", "the model was not loaded");
  const growth = new PeakGrowth();
  const outcome = await warmUp(model, mostRows);
  const peakBytes = growth.bytes;
  const message: WarmedMessage = {
    outcome,
    memory: measure(frame.model, measured, beforeWarmUp),
    peakBytes: Number.isNaN(peakBytes) ? undefined : peakBytes,
  };
  answer(frame, frameKind.warmed, encodeJson(message));
}

function measure(
  model: number,
  { ownsHost, usualBytes }: Pick<LoadMessage, "ownsHost" | "usualBytes">,
  before: number | undefined,
): MeasuredMemory {
  // Here the whole process counts.
  if (ownsHost) shrinkHeap();
  collectBuffers();
  memoryRest.ifGrown(restedFromBytes);
  if (ownsHost) return { measuredBytes: privateBytes(), memoryBytes: anonymousBytes() };
  const found = grownSince(before);
  // What the load has left in JavaScript's heap is not the model's.
  const isTooMuch = (found.measuredBytes ?? 0) > usualBytes + restedFromBytes;
  if (isTooMuch) {
    dropHeapPages();
    memoryRest.now();
  }
  const { measuredBytes, memoryBytes } = isTooMuch ? grownSince(before) : found;
  if (measuredBytes === undefined) return { measuredBytes, memoryBytes };
  if (measuredBytes < restedFromBytes) small.add(model);
  const heapBytes = models.get(model)?.heapBytes ?? 0;
  return { measuredBytes: measuredBytes + heapBytes, memoryBytes };
}

function grownSince(before: number | undefined): MeasuredMemory {
  const memoryBytes = anonymousBytes();
  const after = nativeBytes(memoryBytes);
  const isKnown = before !== undefined && after !== undefined;
  return { measuredBytes: isKnown ? after - before : undefined, memoryBytes };
}

/** The baseline of a run's growth. */
interface RunStart {
  readonly cpu: NodeJS.CpuUsage;
  /** When the engine began. */
  readonly atMs: number;
  /** Undefined: the run is not measured. */
  readonly growth: PeakGrowth | undefined;
}

function run(frame: Frame): void | Promise<void> {
  const cpu = process.cpuUsage();
  const model = models.get(frame.model);
  if (model === undefined) throw new RuntimeError("aborted", "the model was unloaded");
  const { wanted, peakBytes, tensors } = decodeTensors(frame.payload);
  const growth = peakBytes === 0 ? undefined : new PeakGrowth();
  const inputs = tensors.map(({ index, datatype, shape, data }) => {
    return { name: specAt(model.inputs, index).name, datatype, shape, data };
  });
  const outputs = wanted.map((index) => specAt(model.outputs, index).name);
  const start: RunStart = { cpu, atMs: performance.now(), growth };
  const results = model.run(inputs, outputs);
  if (!(results instanceof Promise)) return answerRun(frame, results, start);
  return results.then((tensors) => answerRun(frame, tensors, start));
}

function answerRun(frame: Frame, results: readonly Tensor[], start: RunStart): void {
  const nowMs = performance.now();
  const { user, system } = process.cpuUsage(start.cpu);
  const runMs = (user + system) / 1_000;
  const computeMs = nowMs - start.atMs;
  const tensors = results.map(({ datatype, shape, data }, index) => {
    return { index, datatype, shape, parts: [data] };
  });
  const peakBytes = start.growth?.bytes ?? 0;
  memoryRest.busy(nowMs);
  try {
    const memoryBytes = start.growth && (anonymousBytes() ?? Number.NaN);
    const message = {
      wanted: [],
      runMs,
      computeMs,
      freeAtMs: monotonicMs(freeAtMs),
      startedAtMs: monotonicMs(start.atMs),
      peakBytes,
      memoryBytes: memoryBytes ?? 0,
      tensors,
    };
    answer(frame, frameKind.ran, encodeTensors(message));
  } catch (error) {
    throw new RuntimeError("run-failed", `the outputs are too big: ${describeError(error)}`);
  }
}

async function release(frame: Frame): Promise<void> {
  const model = models.get(frame.model);
  models.delete(frame.model);
  await model?.release();
  if (small.delete(frame.model)) memoryRest.expect();
  else memoryRest.now();
  const message: ReleasedMessage = { memoryBytes: anonymousBytes() };
  answer(frame, frameKind.released, encodeJson(message));
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
