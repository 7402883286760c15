import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileKind } from "./file-kind.ts";
import type { FileSample } from "./file-sample.ts";

const noModel = "it contains no model";

interface Magic {
  readonly at?: number;
  /** As latin1. */
  readonly bytes: string;
  readonly kind: FileKind;
}

function magic(bytes: string, what: string, how: string = advice.source, at = 0): Magic {
  return { at, bytes, kind: { what, advice: how, isVague: how === noModel } };
}

/** Files with a signature of fixed bytes. */
const magics: readonly Magic[] = [
  magic("GGUF", "a llama.cpp GGUF file", advice.llama),
  ...["lmgg", "ggml", "tjgg", "ggjt", "fmgg", "algg"].map((bytes) =>
    magic(bytes, "a llama.cpp GGML file", advice.llama),
  ),
  magic("TFL3", "a TensorFlow Lite model", advice.tflite, 4),
  magic(
    "ORTM",
    "a model in ONNX Runtime's own format (.ort)",
    "load the .onnx file that it was made from",
    4,
  ),
  magic("ET12", "an ExecuTorch program", advice.torch, 4),
  magic("CBM1", "a CatBoost model", advice.catboost),
  magic("binf", "an XGBoost model", advice.xgboost),
  magic("bs64", "an XGBoost model", advice.xgboost),
  magic("\xba\x16\x4f\x2f", "a fastText model", "fastText alone can run it"),
  magic("ftrt", "a TensorRT engine"),
  magic("ptrt", "a TensorRT engine"),
  magic("ML\xefR", "MLIR bytecode"),
  magic("\x93NUMPY", "a numpy array", noModel),
  magic("PAR1", "a Parquet table", noModel),
  magic("ARROW1", "an Arrow table", noModel),
  magic("MATLAB 5.0", "a MATLAB file"),
  magic("RDX2\n", "an R data file"),
  magic("RDX3\n", "an R data file"),
  magic("SQLite format 3\0", "an SQLite database", noModel),
  magic("\x7fELF", "a program or library (ELF)", noModel),
  magic("MZ", "a Windows program or library", noModel),
  magic("\xcf\xfa\xed\xfe", "a macOS program or library", noModel),
  magic("\xca\xfe\xba\xbe", "a macOS program or library, or a Java class", noModel),
  magic("\0asm", "a WebAssembly program", noModel),
  magic("%PDF-", "a PDF document", noModel),
  magic("\x89PNG", "an image (PNG)", noModel),
  magic("\xff\xd8\xff", "an image (JPEG)", noModel),
  magic("GIF8", "an image (GIF)", noModel),
];

/** Binary files other than archives. */
export function binaryKind(sample: FileSample): FileKind | undefined {
  const { head } = sample;
  for (const { at = 0, bytes, kind } of magics) {
    if (head.toString("latin1", at, at + bytes.length) === bytes) return kind;
  }
  return (
    hdf5Kind(head) ??
    safetensorsKind(sample) ??
    ubjsonKind(head) ??
    protobufKind(sample) ??
    (head.every((byte) => byte === 0)
      ? { what: "a file that starts with nothing but zeros", advice: advice.again }
      : undefined)
  );
}

function hdf5Kind(head: Buffer): FileKind | undefined {
  if (head.toString("latin1", 0, 8) !== "\x89HDF\r\n\x1a\n") return undefined;
  const what = head.includes("keras")
    ? "a Keras model (HDF5)"
    : "an HDF5 file, such as Keras writes";
  return { what, advice: advice.keras };
}

/** The length of a JSON header, then the header. */
function safetensorsKind({ head, sizeBytes }: FileSample): FileKind | undefined {
  if (head.length < 10 || head[8] !== 0x7b) return undefined;
  if (head.readBigUInt64LE() > BigInt(sizeBytes)) return undefined;
  const what = "a safetensors file, which holds weights but no graph";
  return { what, advice: advice.huggingFace };
}

/** Universal Binary JSON: "{", then the type of the first key's length. */
function ubjsonKind(head: Buffer): FileKind | undefined {
  if (!/^\{[LlIiU$#]/.test(head.toString("latin1", 0, 2))) return undefined;
  if (head.subarray(0, 200).includes("learner")) {
    return { what: "an XGBoost model (UBJSON)", advice: advice.xgboost };
  }
  return undefined;
}

const savedModelWords = [
  "saved_model",
  "__saved_model_init_op",
  "VarHandleOp",
  "StatefulPartitionedCall",
  "serving_default",
];
const graphWords = [
  "\x12\x0bPlaceholder",
  "\x12\x05Const",
  "\x12\x0aVariableV2",
  "\x12\x08Identity",
];

/** Other protobuf messages. They begin like ONNX, so the words in them must decide. */
function protobufKind({ name, head, tail }: FileSample): FileKind | undefined {
  const has = (word: string) =>
    head.includes(word, 0, "latin1") || tail.includes(word, 0, "latin1");
  const isNamed = (...extensions: string[]) =>
    extensions.some((end) => name.toLowerCase().endsWith(end));
  if (has("com.github.apple.coremltools") || isNamed(".mlmodel")) {
    return { what: "a Core ML model", advice: advice.coreml };
  }
  if (isNamed(".pdmodel", ".pdiparams")) {
    return { what: "a PaddlePaddle model", advice: "convert it with paddle2onnx" };
  }
  if (isNamed(".caffemodel")) return { what: "a Caffe model", advice: advice.source };
  if (name === "saved_model.pb" || (head[0] === 8 && savedModelWords.some(has))) {
    return { what: "a TensorFlow SavedModel", advice: advice.tensorflow };
  }
  if (head[0] === 0x0a && graphWords.some(has)) {
    return {
      what: "a TensorFlow graph (GraphDef)",
      advice:
        "convert it with tf2onnx: python -m tf2onnx.convert --graphdef FILE --inputs … --outputs …",
    };
  }
  return undefined;
}
