import { readFileSync } from "node:fs";
import { type Binding, binding } from "onnxruntime-node/dist/binding.js";
import { RuntimeError } from "../errors.ts";
import { type Datatype, elementCount, type Tensor, type TensorSpec } from "../tensor.ts";
import type { HostEngine, HostModel } from "./host-engine.ts";
import { engineMessage, memoryRefusal } from "./onnx/engine-message.ts";
import { moveData } from "./onnx/external/moved-data.ts";
import { loadError } from "./onnx/load-error.ts";
import { smallestModel } from "./smallest-model.ts";
import { decodeStrings, encodeStrings } from "./string-tensor.ts";

type NumericArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

interface NumericView {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** A datatype in ONNX Runtime's terms. BYTES has no view: its elements are JavaScript strings. */
interface ElementType {
  readonly datatype: Datatype;
  readonly ortName: string;
  readonly view?: NumericView;
}

/** By the number of TensorProto.DataType, as the binding reports it. FP16 passes as its bits. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  1: { datatype: "FP32", ortName: "float32", view: Float32Array },
  2: { datatype: "UINT8", ortName: "uint8", view: Uint8Array },
  3: { datatype: "INT8", ortName: "int8", view: Int8Array },
  4: { datatype: "UINT16", ortName: "uint16", view: Uint16Array },
  5: { datatype: "INT16", ortName: "int16", view: Int16Array },
  6: { datatype: "INT32", ortName: "int32", view: Int32Array },
  7: { datatype: "INT64", ortName: "int64", view: BigInt64Array },
  8: { datatype: "BYTES", ortName: "string" },
  9: { datatype: "BOOL", ortName: "bool", view: Uint8Array },
  10: { datatype: "FP16", ortName: "float16", view: Uint16Array },
  11: { datatype: "FP64", ortName: "float64", view: Float64Array },
  12: { datatype: "UINT32", ortName: "uint32", view: Uint32Array },
  13: { datatype: "UINT64", ortName: "uint64", view: BigUint64Array },
};
const byDatatype = new Map(Object.values(elementTypes).map((type) => [type.datatype, type]));
const byOrtName = new Map(Object.values(elementTypes).map((type) => [type.ortName, type]));

/** What goes into the binding and comes out of it. The binding is called directly because the public
 *  session adds a turn of the event loop to every run, and because the public Tensor turns FP16 into a
 *  Float16Array on Node 24, which the binding then refuses. */
class OrtValue {
  readonly location = "cpu";
  readonly type: string;
  readonly data: NumericArray | string[];
  readonly dims: readonly number[];

  constructor(type: string, data: NumericArray | string[], dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

type Session = Binding.InferenceSession;
type OrtTensorConstructor = Parameters<typeof binding.initOrtOnce>[1];
type OrtFeeds = Parameters<Session["run"]>[0];

/** Fatal only: every error comes back as an exception as well. */
const logSeverity = 4 as const;
// The declared type asks for the whole public Tensor; the binding only ever calls the constructor.
binding.initOrtOnce(logSeverity, OrtValue as unknown as OrtTensorConstructor, true);

// The first session of a process costs 1.3 MB and 15 ms that no later one does. Paid here, before the
// host is ready, they are not taken for the memory of the first model.
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
  load(file, { threads, dataFiles }) {
    const session = new binding.InferenceSession();
    try {
      const moved = dataFiles && moveData(readFileSync(file), dataFiles);
      const options = {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: logSeverity,
        // A plan of the memory of earlier runs only saves allocations, which were not seen to matter, and
        // keeps what it plans beside what those runs have left: up to twice the memory.
        enableMemPattern: false,
        // Threads that spin between runs take the core away from the other hosts.
        extra: {
          session: {
            intra_op: { allow_spinning: "0" },
            ...(moved && { model_external_initializers_file_folder_path: moved.folder }),
          },
        },
      };
      if (moved === undefined) session.loadModel(file, options);
      else {
        const { buffer, byteOffset, byteLength } = moved.bytes;
        session.loadModel(buffer as ArrayBuffer, byteOffset, byteLength, options);
      }
    } catch (error) {
      throw loadError(file, error);
    }
    try {
      return new OnnxModel(session);
    } catch (error) {
      // A session that is merely dropped keeps its memory until some garbage collection.
      session.dispose();
      throw error;
    }
  },
};

class OnnxModel implements HostModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.inputs = session.inputMetadata.map((value) => toSpec(value, "input"));
    this.outputs = session.outputMetadata.map((value) => toSpec(value, "output"));
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[] {
    // Names come from the model file: one may well be called "__proto__".
    const feeds: Record<string, OrtValue> = Object.create(null);
    for (const tensor of inputs) feeds[tensor.name] = toOrtValue(tensor);
    const fetches: Record<string, null> = Object.create(null);
    for (const name of outputs) fetches[name] = null;
    let results: Readonly<Record<string, unknown>>;
    try {
      results = this.#session.run(feeds as unknown as OrtFeeds, fetches, {});
    } catch (error) {
      throw runError(error);
    }
    return outputs.map((name) => fromOrtValue(name, results[name]));
  }

  release(): void {
    this.#session.dispose();
  }
}

function toSpec(value: Binding.ValueMetadata, role: "input" | "output"): TensorSpec {
  if (!value.isTensor) {
    throw new RuntimeError(
      "invalid-argument",
      `${role} '${value.name}' is a sequence, map or optional value; only tensors can be served`,
    );
  }
  const type = elementTypes[value.type];
  if (type === undefined) {
    throw new RuntimeError(
      "invalid-argument",
      `${role} '${value.name}' has a datatype that cannot be served (number ${value.type} of TensorProto.DataType${value.type === 16 ? ", BFLOAT16" : ""})`,
    );
  }
  return {
    name: value.name,
    datatype: type.datatype,
    shape: value.shape.map((dimension) => (dimension >= 0 ? dimension : -1)),
  };
}

function toOrtValue({ name, datatype, shape, data }: Tensor): OrtValue {
  const type = byDatatype.get(datatype);
  if (type === undefined) {
    throw new RuntimeError("invalid-argument", `input '${name}': no ${datatype} here`);
  }
  if (type.view === undefined) {
    const strings = decodeStrings(data, `input '${name}'`);
    if (strings.length !== elementCount(shape, `input '${name}'`)) {
      throw new RuntimeError(
        "invalid-argument",
        `input '${name}' has ${strings.length} elements for shape [${shape}]`,
      );
    }
    return new OrtValue(type.ortName, strings, shape);
  }
  if (datatype === "BOOL" && data.some((byte) => byte > 1)) {
    // A C++ bool of any other value is undefined behaviour.
    throw new RuntimeError(
      "invalid-argument",
      `input '${name}' is BOOL: every byte must be 0 or 1`,
    );
  }
  return new OrtValue(type.ortName, numericView(data, type.view), shape);
}

function numericView(data: Uint8Array, View: NumericView): NumericArray {
  const size = View.BYTES_PER_ELEMENT;
  // Frames are laid out so that this copy is not needed; a view must start at a multiple of its element.
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return new View(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

function fromOrtValue(name: string, value: unknown): Tensor {
  if (!(value instanceof OrtValue)) {
    throw new RuntimeError("run-failed", `output '${name}' is missing or no tensor`);
  }
  const type = byOrtName.get(value.type);
  if (type === undefined) {
    throw new RuntimeError(
      "run-failed",
      `output '${name}' has the datatype ${value.type}, which cannot be served`,
    );
  }
  const shape = Array.from(value.dims);
  const { data } = value;
  if (Array.isArray(data))
    return { name, datatype: type.datatype, shape, data: encodeStrings(data) };
  if (data.length !== elementCount(shape, `output '${name}'`)) {
    throw new RuntimeError("run-failed", `output '${name}' does not fit its shape`);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, datatype: type.datatype, shape, data: bytes };
}

/** Messages by which ONNX Runtime refuses inputs, before it runs anything. */
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
