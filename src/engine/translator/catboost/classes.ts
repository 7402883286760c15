import type { ModelInfo } from "./catboost-model.ts";
import { malformed } from "./catboost-refusal.ts";
import { fieldOf } from "./json-values.ts";

const twoClassLosses = new Set(["Logloss", "CrossEntropy", "Focal"]);

/** Of the entry "class_params", which classifiers have. Those of old versions with two classes lack it. */
export function readClasses(parameters: unknown, loss: string): ModelInfo["classes"] {
  if (parameters === undefined) return twoClassLosses.has(loss) ? [0, 1] : undefined;
  const names = listOf(fieldOf(parameters, "class_names"));
  const labels = names.length > 0 ? names : listOf(fieldOf(parameters, "class_to_label"));
  if (labels.length === 0) {
    const count = fieldOf(parameters, "classes_count");
    if (Number.isInteger(count) && Number(count) > 0 && Number(count) <= 2 ** 16) {
      return Array.from({ length: Number(count) }, (_, label) => label);
    }
  }
  if (isListOf(labels, "string") || isListOf(labels, "number") || isListOf(labels, "boolean")) {
    return labels;
  }
  throw malformed("its class names are neither all text, nor all numbers, nor all booleans");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

interface Types {
  string: string;
  number: number;
  boolean: boolean;
}

function isListOf<T extends keyof Types>(
  list: readonly unknown[],
  type: T,
): list is readonly Types[T][] {
  return list.length > 0 && list.every((each) => typeof each === type);
}
