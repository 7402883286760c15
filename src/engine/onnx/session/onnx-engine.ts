import { type Binding, binding } from "onnxruntime-node/dist/binding.js";
import { describeError, RuntimeError } from "../../../base/errors.ts";
import type { Tensor, TensorSpec } from "../../../base/tensor.ts";
import type { FileAccess } from "../../contract/file-access.ts";
import type { HostEngine, HostModel } from "../../contract/host-engine.ts";
import { HeldFiles } from "../external/held-files.ts";
import { type LoadPlan, planLoad } from "../rewrite/load-plan.ts";
import { localeProbe } from "../rewrite/locale-probe.ts";
import { engineMessage, memoryRefusal } from "../types/engine-message.ts";
import { OrtValue } from "../types/ort-value.ts";
import { type ModelContent, sessionFiles } from "./content-files.ts";
import { SessionEdge } from "./edge.ts";
import { loadError } from "./load-error.ts";
import { smallestModel } from "./smallest-model.ts";

type Session = Binding.InferenceSession;
type OrtTensorConstructor = Parameters<typeof binding.initOrtOnce>[1];
type OrtFeeds = Parameters<Session["run"]>[0];

/** How much of an engine message is examined. */
const maxMessage = 10_000;

/** Fatal only: every error comes back as an exception as well. */
const logSeverity = 4 as const;
// The declared type asks for the whole public Tensor; the binding only ever calls the constructor.
binding.initOrtOnce(logSeverity, OrtValue as unknown as OrtTensorConstructor, true);

// A process's first session costs 1.3 MB and 15 ms more than later ones. Paid here, before the host is ready,
// this is not attributed to the first model.
const firstSession = new binding.InferenceSession();
const { buffer, byteOffset, byteLength } = smallestModel;
firstSession.loadModel(buffer, byteOffset, byteLength, { logSeverityLevel: logSeverity });
firstSession.run(
  { x: new OrtValue("float32", new Float32Array(1), [1]) } as unknown as OrtFeeds,
  { y: null },
  {},
);
firstSession.dispose();

/** ONNX Runtime on the CPU. Blocks while it loads and runs. */
export const onnxEngine: HostEngine = {
  load(file, { threads, access = {} }) {
    const held = new HeldFiles(access.roots);
    try {
      const heldFile = held.hold(file);
      const plan = planLoad(heldFile, hasLocale);
      const content = { file, heldFile, bytes: plan.bytes };
      const session = openSession(content, held, { threads, access });
      try {
        held.confirm();
        return new OnnxModel(session, plan);
      } catch (error) {
        // A session that is merely dropped keeps its memory until some garbage collection.
        session.dispose();
        throw error;
      }
    } finally {
      held.close();
    }
  },
};

function openSession(
  content: ModelContent,
  held: HeldFiles,
  { threads, access }: { readonly threads: number; readonly access: FileAccess },
): Session {
  const session = new binding.InferenceSession();
  try {
    const { bytes, folder } = sessionFiles(held, content, access);
    const options = {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: logSeverity,
      // The session's own arena would keep a model's biggest run for good. The process's allocator keeps as
      // much while runs follow each other, and gives it back afterwards: see `MemoryRest`.
      enableCpuMemArena: false,
      // A memory plan from earlier runs only saves allocations, without a measurable effect, and keeps the
      // planned memory besides what those runs have left: up to twice the memory.
      enableMemPattern: false,
      // Threads that spin between runs take the core away from other hosts.
      extra: {
        session: {
          intra_op: { allow_spinning: "0" },
          model_external_initializers_file_folder_path: folder,
        },
      },
    };
    if (bytes === undefined) session.loadModel(content.heldFile, options);
    else {
      const { buffer, byteOffset, byteLength } = bytes;
      session.loadModel(buffer as ArrayBuffer, byteOffset, byteLength, options);
    }
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    held.explain();
    throw loadError(content.file, held.readable(describeError(error, maxMessage)));
  }
  return session;
}

/** Probed once, by trying: the engine does the same, and there is no other way to know. */
const locales = new Map<string | undefined, boolean>();

function hasLocale(name: string | undefined): boolean {
  const known = locales.get(name);
  if (known !== undefined) return known;
  const { buffer, byteOffset, byteLength } = localeProbe(name);
  const session = new binding.InferenceSession();
  let isThere = true;
  try {
    session.loadModel(buffer, byteOffset, byteLength, { logSeverityLevel: logSeverity });
    session.dispose();
  } catch {
    isThere = false;
  }
  locales.set(name, isThere);
  return isThere;
}

class OnnxModel implements HostModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #session: Session;
  /** By the names that clients use. */
  readonly #inputs: ReadonlyMap<string, SessionEdge>;
  readonly #outputs: ReadonlyMap<string, SessionEdge>;
  /** Default values for omitted inputs, by the session's names. */
  readonly #defaults = new Map<string, OrtValue>();

  constructor(session: Session, plan: LoadPlan) {
    this.#session = session;
    const { inputMetadata, outputMetadata } = session;
    this.#inputs = byName(inputMetadata.map((value) => new SessionEdge(value, "input", plan)));
    this.#outputs = byName(outputMetadata.map((value) => new SessionEdge(value, "output", plan)));
    this.outputs = [...this.#outputs.values()].map(({ spec }) => spec);
    const inputs = [...this.#inputs.values()].map(({ spec }) => spec);
    this.inputs = [
      ...inputs.filter(({ isOptional }) => !isOptional),
      ...inputs.filter(({ isOptional }) => isOptional),
    ];
    for (const [name, tensor] of plan.defaults) {
      const edge = this.#inputs.get(name);
      if (edge !== undefined) this.#defaults.set(edge.name, edge.defaultValue(tensor));
    }
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[] {
    // Names come from the model file: one may well be "__proto__".
    const feeds: Record<string, OrtValue> = Object.create(null);
    for (const [name, value] of this.#defaults) feeds[name] = value;
    for (const tensor of inputs) {
      const edge = edgeOf(this.#inputs, tensor.name);
      feeds[edge.name] = edge.toSession(tensor);
    }
    const wanted = outputs.map((name) => edgeOf(this.#outputs, name));
    const fetches: Record<string, null> = Object.create(null);
    for (const { name } of wanted) fetches[name] = null;
    let results: Readonly<Record<string, unknown>>;
    try {
      results = this.#session.run(feeds as unknown as OrtFeeds, fetches, {});
    } catch (error) {
      throw runError(error);
    }
    return wanted.map((edge) => edge.fromSession(results[edge.name]));
  }

  release(): void {
    this.#session.dispose();
  }
}

function byName(edges: readonly SessionEdge[]): ReadonlyMap<string, SessionEdge> {
  return new Map(edges.map((edge) => [edge.spec.name, edge]));
}

function edgeOf(edges: ReadonlyMap<string, SessionEdge>, name: string): SessionEdge {
  const edge = edges.get(name);
  if (edge === undefined) throw new RuntimeError("invalid-argument", `the model has no '${name}'`);
  return edge;
}

/** ONNX Runtime's messages when it refuses inputs before it runs anything. */
const inputRefusal = /^(Got invalid dimensions|Invalid rank|Unexpected input data type)/;

function runError(error: unknown): RuntimeError {
  const message = engineMessage(error);
  if (memoryRefusal.test(message)) {
    return new RuntimeError(
      "over-budget",
      `the run needs more memory than its engine host may take: ${message}`,
    );
  }
  return new RuntimeError(inputRefusal.test(message) ? "invalid-argument" : "run-failed", message);
}
