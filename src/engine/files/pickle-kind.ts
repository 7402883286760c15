import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileKind } from "./file-kind.ts";
import type { FileSample } from "./file-sample.ts";

const torchLegacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/** Module names in pickles, which are text in their first protocol. */
export function pickleKind({ head }: FileSample): FileKind | undefined {
  const text = head.toString("latin1");
  if (text.startsWith(torchLegacy)) {
    return { what: "a PyTorch file (.pt, .pth)", advice: advice.torch };
  }
  const isBinary = head[0] === 0x80 && head[1] !== undefined && head[1] >= 1 && head[1] <= 5;
  // Protocol 0 is text: a class by module and name, or the mark of a container.
  const isText = /^\(?c[\w.]+\n[\w.]+\n/.test(text) || /^\((?:dp|lp|i)\d*\n/.test(text);
  return isBinary || isText ? whosePickle(text) : undefined;
}

const families = [
  ["XGBoost", "xgboost", advice.xgboost],
  ["LightGBM", "lightgbm", advice.lightgbm],
  ["CatBoost", "catboost", advice.catboost],
  ["scikit-learn", "sklearn", advice.sklearn],
  ["PyTorch", "torch", advice.torch],
  ["Keras", "keras", advice.keras],
  ["Keras", "tensorflow", advice.keras],
] as const;

/** The module of the outermost class comes first. */
function whosePickle(text: string): FileKind {
  const what = text.includes("joblib") ? "a Python pickle written by joblib" : "a Python pickle";
  const [first] = families
    .map(([name, module, how]) => ({ name, how, at: text.indexOf(module) }))
    .filter(({ at }) => at !== -1)
    .sort((a, b) => a.at - b.at);
  if (first === undefined) return { what, advice: advice.pickle };
  return { what: `${what}, of ${first.name}`, advice: first.how };
}
