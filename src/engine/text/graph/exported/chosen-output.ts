import { RuntimeError } from "../../../../base/errors.ts";
import type { TextOutput } from "../text-graph.ts";
import type { ExportedModel, ExportedValue } from "./exported-model.ts";

/** The value of a file that the graph's output is made of. */
export interface ChosenOutput {
  readonly name: string;
  /** TensorProto.DataType number. */
  readonly datatype: number;
  /** Its last size, if the file gives it. */
  readonly width: number | undefined;
  /** Whether it has one vector per token, which have to be pooled. */
  readonly isPerToken: boolean;
}

/** Numbers of TensorProto.DataType: FLOAT, FLOAT16, DOUBLE, BFLOAT16. */
const floats: ReadonlySet<number> = new Set([1, 10, 11, 16]);

/** What exporters call them: names, and how many axes the value has. The first that the file has is taken. */
const candidates: Readonly<Record<TextOutput, readonly (readonly [name: string, rank: number])[]>> =
  {
    embedding: [
      ["sentence_embedding", 2],
      ["token_embeddings", 3],
      ["last_hidden_state", 3],
    ],
    logits: [["logits", 2]],
    token_logits: [["logits", 3]],
  };

/** Throws RuntimeError "invalid-argument" if the file has no output that fits. */
export function chooseOutput(model: ExportedModel, wanted: TextOutput): ChosenOutput {
  const ranked = candidates[wanted];
  for (const [name, rank] of ranked) {
    const found = model.outputs.find((output) => output.name === name);
    if (found !== undefined && fits(found, rank)) return chosen(found, rank);
  }
  // Any name will do where it is the only output with as many axes.
  const rank = wanted === "logits" ? 2 : 3;
  const [first, ...others] = model.outputs.filter(
    (output) => output.sizes?.length === rank && fits(output, rank),
  );
  if (first !== undefined && others.length === 0) return chosen(first, rank);
  const expected = ranked.map(([name, axes]) => `${name} (${axes} axes)`).join(", ");
  const found = model.outputs.map(({ name, sizes }) => `${name} (${sizes?.length ?? "?"} axes)`);
  throw new RuntimeError(
    "invalid-argument",
    `${model.file}: no output has what the task needs: expected floats as ${expected}; found ${found.join(", ") || "none"}`,
  );
}

function fits({ datatype, sizes }: ExportedValue, rank: number): boolean {
  return floats.has(datatype) && (sizes === undefined || sizes.length === rank);
}

function chosen({ name, datatype, sizes }: ExportedValue, rank: number): ChosenOutput {
  return { name, datatype, width: sizes?.at(-1), isPerToken: rank === 3 };
}
