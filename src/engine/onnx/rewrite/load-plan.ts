import type { Tensor } from "../../../tensor.ts";
import { GraphEdits } from "./graph-edits.ts";
import { readOutline } from "./graph-outline.ts";
import { type HasLocale, localeRules } from "./locale-rules.ts";
import { ModelReader } from "./model-reader.ts";
import { NodeChanges } from "./node-changes.ts";
import { openOverridable } from "./overridable-inputs.ts";
import { replaceOutputs, type TensorOutput } from "./tensor-outputs.ts";

/** How a model is loaded, and what its session's inputs and outputs are beside what the session says. */
export interface LoadPlan {
  /** The model in place of its file, where that cannot be loaded or served as it is. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Inputs and outputs of which the file does not say how many dimensions they have. */
  readonly anyRank: ReadonlySet<string>;
  /** Inputs that need not be given, and what they then are. */
  readonly defaults: ReadonlyMap<string, Tensor>;
  /** Outputs that the file does not have. */
  readonly outputs: ReadonlyMap<string, TensorOutput>;
}

const asItIs: LoadPlan = {
  bytes: undefined,
  anyRank: new Set(),
  defaults: new Map(),
  outputs: new Map(),
};

/** Reads the model `file`, weights apart unless it is to be changed. Blocks. Throws RuntimeError
 *  "load-failed" with the name of the input or output that cannot be served, or of a locale that lacks. */
export function planLoad(file: string, hasLocale: HasLocale): LoadPlan {
  const reader = new ModelReader(file);
  try {
    const outline = readOutline(reader);
    if (outline === undefined) return asItIs;
    const edits = new GraphEdits();
    const defaults = openOverridable(reader, outline, edits);
    const outputs = replaceOutputs(reader, outline, edits);
    const locales = localeRules(reader, outline, hasLocale);
    const changes = locales && new NodeChanges(reader, locales);
    const shapeless = [...outline.inputs, ...outline.outputs].filter(
      ({ type }) => type.tag === "tensor" && !type.hasShape,
    );
    return {
      bytes: edits.write(reader, outline, changes),
      anyRank: new Set([...shapeless.map(({ name }) => name), ...outputs.keys()]),
      defaults,
      outputs,
    };
  } finally {
    reader.close();
  }
}
