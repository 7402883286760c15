import { RuntimeError } from "../../../base/errors.ts";
import type { Tensor } from "../../../base/tensor.ts";
import type { StringEscape } from "../types/string-escape.ts";
import { castToDouble } from "./double-outputs.ts";
import { GraphEdits } from "./graph-edits.ts";
import { readOutline } from "./graph-outline.ts";
import { type HasLocale, localeRules } from "./locale-rules.ts";
import { ModelReader } from "./model-reader.ts";
import { type NarrowEdges, widenEdges } from "./narrow-edges.ts";
import { NodeChanges, type NodeRules } from "./node-changes.ts";
import { openOverridable } from "./overridable-inputs.ts";
import { ServingRefusal } from "./serving-refusal.ts";
import { findEscape } from "./string-rules.ts";
import { refuseOtherInputs } from "./tensor-inputs.ts";
import { replaceOutputs, type TensorOutput } from "./tensor-outputs.ts";

/** How a model is loaded, and what its inputs and outputs are beyond what the session reports. */
export interface LoadPlan {
  /** Replaces the model's file where that cannot be loaded or served unchanged. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Names of inputs and outputs whose rank the file does not give. */
  readonly anyRank: ReadonlySet<string>;
  /** Those that have another datatype in the session. */
  readonly narrow: NarrowEdges;
  /** How texts are passed to the session and back, if some of the model's are not UTF-8. */
  readonly escape: StringEscape | undefined;
  /** Inputs that may be omitted, and their values in that case. */
  readonly defaults: ReadonlyMap<string, Tensor>;
  /** Outputs that the file does not have. */
  readonly outputs: ReadonlyMap<string, TensorOutput>;
}

/** For a model that needs no changes. */
export const asItIs: LoadPlan = {
  bytes: undefined,
  anyRank: new Set(),
  narrow: { inputs: new Map(), outputs: new Map() },
  escape: undefined,
  defaults: new Map(),
  outputs: new Map(),
};

/** Reads the model `file`, without weights unless it must be changed. Blocks. Throws RuntimeError
 *  "invalid-argument" with the name of the input or output that cannot be served, "failed-precondition" with
 *  the name of a missing locale, or "over-budget" if there is no memory for a copy. */
export function planLoad(file: string, hasLocale: HasLocale): LoadPlan {
  try {
    return readPlan(file, hasLocale);
  } catch (error) {
    if (error instanceof ServingRefusal) throw error;
    if (error instanceof RangeError) {
      throw new RuntimeError(
        "over-budget",
        `the engine host has too little memory for the copy from which the model is loaded: ${error.message}`,
        { cause: error },
      );
    }
    // If the file is gone or broken, the engine reports why.
    return asItIs;
  }
}

function readPlan(file: string, hasLocale: HasLocale): LoadPlan {
  const reader = new ModelReader(file);
  try {
    const outline = readOutline(reader);
    if (outline === undefined) return asItIs;
    refuseOtherInputs(outline);
    const edits = new GraphEdits();
    const defaults = openOverridable(reader, outline, edits);
    castToDouble(reader, outline, edits);
    const outputs = replaceOutputs(reader, outline, edits);
    const narrow = widenEdges(
      outline,
      edits,
      (name) => outline.initialized.has(name) && !defaults.has(name),
    );
    const escaping = findEscape(reader, outline);
    const rules: NodeRules = {
      ...localeRules(reader, outline, hasLocale),
      text: escaping && ((text) => escaping.escape(text)),
    };
    const changes = new NodeChanges(reader, rules);
    const shapeless = [...outline.inputs, ...outline.outputs].filter(
      ({ type }) => type.tag === "tensor" && type.shape === undefined,
    );
    return {
      bytes: edits.write(reader, outline, changes),
      anyRank: new Set([...shapeless.map(({ name }) => name), ...outputs.keys()]),
      narrow,
      escape: escaping,
      defaults,
      outputs,
    };
  } finally {
    reader.close();
  }
}
