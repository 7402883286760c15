import { RuntimeError } from "../base/errors.ts";
import type { Datatype, TensorSpec } from "../base/tensor.ts";
import { parseProtobufText, type TextMessage, type TextValue, Word } from "./protobuf-text.ts";
import { compareVersions } from "./served-versions.ts";

/** The names of files with Triton's model configuration, beside models or beside their versions. */
export const tritonConfigName = "config.pbtxt";

/** Which versions of a model are served. */
export type VersionPolicy =
  | { readonly tag: "all" }
  | { readonly tag: "latest"; readonly count: number }
  | { readonly tag: "specific"; readonly versions: readonly string[] };

export interface TritonTensor {
  readonly name: string;
  readonly datatype: Datatype | undefined;
  /** Without the batch dimension; undefined if not given. -1 is variable. */
  readonly dims: readonly number[] | undefined;
  /** The file with the class names, one per line, in the model's folder. */
  readonly labelFile: string | undefined;
}

/** The parts of a model's config.pbtxt that are used. Undefined where the file has no value. */
export interface TritonConfig {
  /** Rows that requests joined into one run may have together; above 0, the first dimension of tensors counts
   *  rows. */
  readonly maxBatchSize: number | undefined;
  readonly maxQueueDelayMicroseconds: number | undefined;
  readonly maxQueueSize: number | undefined;
  readonly queueTimeoutMicroseconds: number | undefined;
  readonly threads: number | undefined;
  /** Whether the model is for Triton's FIL backend, which runs models of other libraries. */
  readonly isForFil: boolean;
  /** What that is to answer with: a share for each class, the class, or what the model gives. */
  readonly filAnswer: "shares" | "class" | "values";
  /** The model file's name, if it is not the usual one. */
  readonly modelFile: string | undefined;
  readonly versionPolicy: VersionPolicy | undefined;
  readonly inputs: readonly TritonTensor[];
  readonly outputs: readonly TritonTensor[];
  /** Fields that have no effect here, as paths. */
  readonly ignored: readonly string[];
}

const datatypes: Readonly<Record<string, Datatype>> = {
  TYPE_BOOL: "BOOL",
  TYPE_UINT8: "UINT8",
  TYPE_UINT16: "UINT16",
  TYPE_UINT32: "UINT32",
  TYPE_UINT64: "UINT64",
  TYPE_INT8: "INT8",
  TYPE_INT16: "INT16",
  TYPE_INT32: "INT32",
  TYPE_INT64: "INT64",
  TYPE_FP16: "FP16",
  TYPE_FP32: "FP32",
  TYPE_FP64: "FP64",
  TYPE_BF16: "BF16",
  TYPE_STRING: "BYTES",
};

/** Fields that only ask for what happens anyway. */
const idle: Readonly<Record<string, readonly string[]>> = {
  "": ["name"],
  input: ["format", "optional"],
  dynamic_batching: ["preserve_ordering"],
};

/** Values that fields have when they are left out, beside 0 and empty text. */
const defaultWords: ReadonlySet<string> = new Set([
  "false",
  "FORMAT_NONE",
  "KIND_AUTO",
  "PRIORITY_DEFAULT",
  "REJECT",
]);

/** Reads Triton's model configuration in text form. Models need little of it here. Throws RuntimeError
 *  "invalid-argument", naming the field, if the text is malformed, a value is invalid, or the model needs
 *  a backend that is not in our place. */
export function readTritonConfig(text: string, where: string): TritonConfig {
  const top = new Section(parseProtobufText(text, where), "", where);
  const isForFil = refuseOtherBackends(top) === "fil";
  const batching = top.section("dynamic_batching");
  const policy = batching?.section("default_queue_policy");
  const { threads, filAnswer, others } = readParameters(top);
  const config = {
    threads,
    isForFil,
    filAnswer,
    maxBatchSize: top.integer("max_batch_size"),
    maxQueueDelayMicroseconds: batching?.integer("max_queue_delay_microseconds"),
    maxQueueSize: policy?.integer("max_queue_size"),
    queueTimeoutMicroseconds: policy?.integer("default_timeout_microseconds"),
    modelFile: top.text("default_model_filename") || undefined,
    versionPolicy: readVersionPolicy(top),
    inputs: readTensors(top, "input"),
    outputs: readTensors(top, "output"),
  };
  const ignored = [...others, ...ignoredInstances(top)];
  return { ...config, ignored: [...top.unread(), ...ignored] };
}

/** Why config.pbtxt describes a tensor differently from the model; undefined if all agree. */
export function tritonMismatch(
  config: TritonConfig,
  model: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
): string | undefined {
  const batch = (config.maxBatchSize ?? 0) > 0 ? [-1] : [];
  for (const role of ["input", "output"] as const) {
    const specs = model[`${role}s`];
    for (const { name, datatype, dims } of config[`${role}s`]) {
      const spec = specs.find((each) => each.name === name);
      if (spec === undefined) {
        const names = specs.map((each) => `'${each.name}'`).join(", ") || "none";
        return `it has ${role} '${name}', which the model does not have: its ${role}s are ${names}`;
      }
      if (datatype !== undefined && datatype !== spec.datatype) {
        return `${role} '${name}' is ${datatype} there, and ${spec.datatype} in the model`;
      }
      const wanted = dims && [...batch, ...dims];
      // FIL's files write a list of values as rows of one.
      const isList = config.isForFil && wanted?.at(-1) === 1 && spec.shape.length === 1;
      if (wanted !== undefined && !isList && !fits(wanted, spec.shape)) {
        const note = batch.length > 0 ? " with the batch dimension" : "";
        return `${role} '${name}' has the shape [${wanted}]${note} there, and [${spec.shape}] in the model`;
      }
    }
  }
  return undefined;
}

/** Those of `versions`, given as numbers, that the policy allows. */
export function versionsByPolicy(policy: VersionPolicy, versions: readonly string[]): string[] {
  if (policy.tag === "all") return [...versions];
  if (policy.tag === "specific") return versions.filter((each) => policy.versions.includes(each));
  const latest = new Set([...versions].sort(compareVersions).slice(-policy.count));
  return versions.filter((each) => latest.has(each));
}

function fits(wanted: readonly number[], shape: readonly number[]): boolean {
  return (
    wanted.length === shape.length &&
    wanted.every((size, axis) => size === -1 || shape[axis] === -1 || size === shape[axis])
  );
}

/** One message, which remembers the fields that were read. */
class Section {
  readonly #fields: TextMessage;
  readonly #path: string;
  readonly #where: string;
  readonly #asked = new Set<string>();
  readonly #sections: Section[] = [];

  constructor(fields: TextMessage, path: string, where: string) {
    this.#fields = fields;
    this.#path = path;
    this.#where = where;
  }

  refuse(field: string, problem: string): RuntimeError {
    const name = [this.#path, field].filter((part) => part !== "").join(".");
    return new RuntimeError("invalid-argument", `${this.#where}: ${name} ${problem}`);
  }

  values(field: string): readonly TextValue[] {
    this.#asked.add(field);
    return this.#fields.get(field) ?? [];
  }

  /** Reads a field that occurs once; the last one counts, as in protobuf. */
  value(field: string): TextValue | undefined {
    return this.values(field).at(-1);
  }

  text(field: string): string | undefined {
    const value = this.value(field);
    if (value === undefined || typeof value === "string") return value;
    throw this.refuse(field, "must be a quoted string");
  }

  word(field: string): string | undefined {
    const value = this.value(field);
    if (value === undefined || value instanceof Word) return value?.text;
    throw this.refuse(field, "must be a word without quotes");
  }

  integer(field: string): number | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    return this.#integerOf(field, value, 0);
  }

  integers(field: string, least: number): number[] {
    return this.values(field).map((value) => this.#integerOf(field, value, least));
  }

  section(field: string): Section | undefined {
    const value = this.value(field);
    return value === undefined ? undefined : this.#sectionOf(field, value);
  }

  sections(field: string): Section[] {
    return this.values(field).map((value) => this.#sectionOf(field, value));
  }

  /** Paths of the fields that were not read, except those that only repeat a default. */
  unread(): string[] {
    const known = idle[this.#path] ?? [];
    const own = [...this.#fields.keys()]
      .filter((field) => !this.#asked.has(field) && !known.includes(field))
      .filter((field) => this.#fields.get(field)?.some((each) => !isDefault(each, field)))
      .map((field) => [this.#path, field].filter((part) => part !== "").join("."));
    return [...new Set([...own, ...this.#sections.flatMap((section) => section.unread())])];
  }

  #integerOf(field: string, value: TextValue, least: number): number {
    const number = Number(typeof value === "bigint" ? value : Number.NaN);
    if (Number.isSafeInteger(number) && number >= least) return number;
    throw this.refuse(field, `must be an integer of at least ${least}`);
  }

  #sectionOf(field: string, value: TextValue): Section {
    if (!(value instanceof Map)) throw this.refuse(field, "must be a message in braces");
    const path = [this.#path, field].filter((part) => part !== "").join(".");
    const section = new Section(value, path, this.#where);
    this.#sections.push(section);
    return section;
  }
}

/** Whether a value says no more than leaving it out. A message that is there, though empty, says something. */
function isDefault(value: TextValue, field: string): boolean {
  if (value instanceof Word) return defaultWords.has(value.text);
  // The number of a device.
  if (!(value instanceof Map)) return field !== "gpus" && (value === "" || Number(value) === 0);
  const fields: readonly (readonly [string, readonly TextValue[]])[] = [...value];
  return (
    fields.length > 0 && fields.every(([name, all]) => all.every((each) => isDefault(each, name)))
  );
}

/** The backend that the file names. */
function refuseOtherBackends(top: Section): string {
  const platform = top.text("platform") ?? "";
  const backend = top.text("backend") ?? "";
  if (!["", "onnxruntime_onnx"].includes(platform)) {
    throw top.refuse("platform", `is "${platform}", expected onnxruntime_onnx`);
  }
  if (!["", "onnxruntime", "fil"].includes(backend)) {
    throw top.refuse("backend", `is "${backend}", expected onnxruntime or fil`);
  }
  return backend;
}

function readVersionPolicy(top: Section): VersionPolicy | undefined {
  const policy = top.section("version_policy");
  if (policy === undefined) return undefined;
  const specific = policy.section("specific");
  if (specific !== undefined) {
    return { tag: "specific", versions: specific.integers("versions", 0).map(String) };
  }
  const latest = policy.section("latest");
  if (latest !== undefined)
    return { tag: "latest", count: Math.max(1, latest.integer("num_versions") ?? 1) };
  return policy.section("all") === undefined ? undefined : { tag: "all" };
}

function readTensors(top: Section, role: "input" | "output"): TritonTensor[] {
  return top.sections(role).map((tensor) => {
    const name = tensor.text("name");
    if (name === undefined) throw tensor.refuse("name", "is missing");
    const type = tensor.word("data_type");
    const datatype = type === undefined ? undefined : datatypes[type];
    if (type !== undefined && datatype === undefined) {
      throw tensor.refuse("data_type", `of '${name}' is ${type}, which is not a datatype`);
    }
    const dims = tensor.values("dims").length > 0 ? tensor.integers("dims", -1) : undefined;
    // The shape that the engine sees, if it differs from the clients'.
    const reshape = tensor.section("reshape");
    const inner = reshape?.integers("shape", -1);
    const labelFile = role === "output" ? tensor.text("label_filename") : undefined;
    return { name, datatype, dims: inner ?? dims, labelFile };
  });
}

/** Of the backend for FIL, those that only say what the file shows. */
const idleParameters: ReadonlySet<string> = new Set(["model_type", "storage_type"]);

/** The share above which FIL answers with the second of two classes, unless the file says otherwise. */
const usualThreshold = 0.5;

/** Triton's backends have, among others, parameters for the threads of a run and for the answers of classifiers. */
function readParameters(
  top: Section,
): Pick<TritonConfig, "threads" | "filAnswer"> & { readonly others: string[] } {
  let threads: number | undefined;
  const others: string[] = [];
  const isTrue = new Set<string>();
  let threshold = usualThreshold;
  for (const parameter of top.sections("parameters")) {
    const key = parameter.text("key") ?? "";
    const value = parameter.section("value")?.text("string_value");
    if (key === "predict_proba" || key === "output_class") {
      if (value === "true") isTrue.add(key);
    } else if (key === "threshold") threshold = Number(value);
    else if (key !== "intra_op_thread_count") {
      if (!idleParameters.has(key)) others.push(`parameters.${key}`);
    } else if (value !== undefined && /^\d{1,3}$/.test(value)) threads = Number(value);
    else throw parameter.refuse("value", `of ${key} must be a number of threads in digits`);
  }
  if (isTrue.has("predict_proba")) return { threads, filAnswer: "shares", others };
  if (!isTrue.has("output_class")) return { threads, filAnswer: "values", others };
  if (threshold !== usualThreshold) {
    const what = `threshold is ${threshold}, and classes are told at ${usualThreshold}`;
    throw top.refuse("parameters", `: ${what}: set predict_proba, and compare the shares`);
  }
  return { threads, filAnswer: "class", others };
}

/** One instance on the CPU is what every model has anyway. */
function ignoredInstances(top: Section): string[] {
  const groups = top.sections("instance_group");
  const isUsual = groups.every((group) => {
    const kind = group.word("kind") ?? "KIND_AUTO";
    group.text("name");
    return (group.integer("count") ?? 1) <= 1 && ["KIND_AUTO", "KIND_CPU"].includes(kind);
  });
  return isUsual ? [] : ["instance_group"];
}
