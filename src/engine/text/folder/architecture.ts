import type { RuntimeError } from "../../../base/errors.ts";
import { type JsonFile, shorten } from "./json-file.ts";

export interface Architecture {
  /** As config.json names it, such as "BertForSequenceClassification". */
  readonly name: string;
  /** Its `model_type`, such as "bert". */
  readonly family: string;
  /** What it computes after the encoder. */
  readonly head: "none" | "sequence" | "token";
  /** Whether a graph can be made for it, so that weights alone suffice. */
  readonly isKnown: boolean;
}

interface Family {
  /** Its `model_type`. */
  readonly type: string;
  /** What the names of its classes begin with. */
  readonly prefix: string;
  /** Whether its heads for sequences and tokens are known. */
  readonly hasHeads: boolean;
}

const families: readonly Family[] = [
  { type: "bert", prefix: "Bert", hasHeads: true },
  { type: "roberta", prefix: "Roberta", hasHeads: true },
  { type: "xlm-roberta", prefix: "XLMRoberta", hasHeads: true },
  { type: "camembert", prefix: "Camembert", hasHeads: true },
  { type: "distilbert", prefix: "DistilBert", hasHeads: true },
  { type: "mpnet", prefix: "MPNet", hasHeads: true },
  { type: "modernbert", prefix: "ModernBert", hasHeads: true },
  { type: "electra", prefix: "Electra", hasHeads: true },
  { type: "nomic_bert", prefix: "NomicBert", hasHeads: false },
  { type: "qwen3", prefix: "Qwen3", hasHeads: false },
];

/** These compute the same, apart from their names. */
const sameAsRoberta: ReadonlySet<string> = new Set(["roberta", "xlm-roberta", "camembert"]);

/** Which architecture config.json names. `hasPooling`: whether the folder says what follows the encoder, so
 *  that the head of the class does not matter. Throws RuntimeError "invalid-argument" if it names none, names
 *  two that contradict each other, or one that does something else than text models here. */
export function readArchitecture(config: JsonFile, hasPooling: boolean): Architecture {
  const type = config.string("model_type");
  const name = firstArchitecture(config) ?? encoderOf(type);
  if (name === undefined) {
    throw config.refusal(
      `it has neither 'architectures' nor a known 'model_type', so it is not the configuration of a text model; ${knownOnes()}`,
    );
  }
  const { prefix = name, suffix = "" } =
    /^(?<prefix>\w+?)(?<suffix>Model|For[A-Z]\w*)$/.exec(name)?.groups ?? {};
  const head = headOf(suffix, hasPooling);
  const family = families.find((each) => each.prefix === prefix);
  const isKnown = family !== undefined && (head === "none" || family.hasHeads);
  if (head === undefined) throw config.refusal(otherTask(name));
  if (family !== undefined && type !== undefined && !isSame(family.type, type)) {
    throw config.refusal(
      `'architectures' names ${name}, but 'model_type' is '${shorten(type)}', expected '${family.type}'`,
    );
  }
  return { name, family: type ?? family?.type ?? prefix.toLowerCase(), head, isKnown };
}

/** The refusal of a model whose graph cannot be made. */
export function unknownArchitecture({ name }: Architecture, config: JsonFile): RuntimeError {
  return config.refusal(
    `the architecture ${name} is not known; ${knownOnes()}; any other can be served as onnx/model.onnx: optimum-cli export onnx --model FOLDER FOLDER/onnx`,
  );
}

function firstArchitecture(config: JsonFile): string | undefined {
  const list = config.get("architectures");
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw config.unexpected("architectures", "a list of names");
  const first: unknown = list[0];
  if (first === undefined) return undefined;
  if (typeof first !== "string") throw config.unexpected("architectures", "a list of names");
  return shorten(first);
}

function encoderOf(type: string | undefined): string | undefined {
  const family = families.find((each) => each.type === type);
  return family && `${family.prefix}Model`;
}

/** Undefined for what is not served. */
function headOf(suffix: string, hasPooling: boolean): Architecture["head"] | undefined {
  // The pooling is told apart from the class: all-mpnet-base-v2 names MPNetForMaskedLM, and many a model that
  // was trained further names the head that it once had.
  if (hasPooling || suffix === "Model") return "none";
  if (suffix === "ForSequenceClassification") return "sequence";
  return suffix === "ForTokenClassification" ? "token" : undefined;
}

function isSame(family: string, type: string): boolean {
  return family === type || (sameAsRoberta.has(family) && sameAsRoberta.has(type));
}

function otherTask(name: string): string {
  return `${name} is not an encoder, and has no head for sequence or token classification: it is served only with a modules.json that has a Pooling module; ${knownOnes()}`;
}

function knownOnes(): string {
  const withHeads = families.filter(({ hasHeads }) => hasHeads).map(({ prefix }) => prefix);
  const others = families.filter(({ hasHeads }) => !hasHeads).map(({ prefix }) => `${prefix}Model`);
  return `known are ${withHeads.join(", ")} (each as …Model, …ForSequenceClassification and …ForTokenClassification), ${others.join(", ")}`;
}
