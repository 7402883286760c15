import { packElements, unpackElements } from "../../../base/bytes-elements.ts";
import { RuntimeError } from "../../../base/errors.ts";
import type { Tensor, TensorSpec } from "../../../base/tensor.ts";
import type { HostModel } from "../../contract/host-engine.ts";
import type { TextFacts } from "../../contract/text-facts.ts";
import type { TextGraph } from "../graph/text-graph.ts";
import { packItems } from "../items/pack-items.ts";
import { itemInput, reportOutput, runTokens } from "../items/run-terms.ts";
import { packReport } from "../items/text-report.ts";
import type { TextTokenizer } from "../tokens/text-tokenizer.ts";
import { cutRuns } from "./cut-runs.ts";
import { padRun } from "./pad-run.ts";
import { type ReadRow, readRow, reportOf } from "./read-row.ts";

export interface TextModelParts {
  readonly facts: TextFacts;
  /** The graph, whose inputs are padded tokens. */
  readonly session: HostModel;
  readonly graph: Pick<TextGraph, "inputs" | "output" | "width">;
  readonly tokenizer: TextTokenizer;
  readonly heapBytes: number;
}

/** Makes tokens of texts, runs them in groups of similar length, and returns rows in the order of the texts. What is
 *  wrong with one row is in its report. Blocks. */
export class TextModel implements HostModel {
  readonly inputs: readonly TensorSpec[] = [{ name: itemInput, datatype: "BYTES", shape: [-1] }];
  readonly outputs: readonly TensorSpec[];
  readonly heapBytes: number;
  readonly #parts: TextModelParts;

  constructor(parts: TextModelParts) {
    this.#parts = parts;
    this.heapBytes = parts.heapBytes;
    const { output, width } = parts.graph;
    const report: TensorSpec = { name: reportOutput, datatype: "BYTES", shape: [-1] };
    // The numbers of each token do not leave the host.
    this.outputs =
      output === "token_logits"
        ? [report]
        : [{ name: output, datatype: "FP32", shape: [-1, width] }, report];
  }

  /** Texts of some 16 tokens. */
  sampleInputs(rows: number): readonly Tensor[] {
    const isOfTokens = this.#parts.graph.output === "token_logits";
    const item = {
      text: "A text of some length, as people write them every day.",
      addSpecial: true,
      truncate: "model",
      want: isOfTokens ? "entities" : "tokens",
    } as const;
    const data = packItems(Array.from({ length: rows }, () => item));
    return [{ name: itemInput, datatype: "BYTES", shape: [rows], data }];
  }

  /** Whether all numbers of an answer are finite. */
  isFiniteOn(inputs: readonly Tensor[]): boolean {
    const rows = this.#read(inputs, true);
    this.#compute(rows);
    return rows.every(({ numbers }) => numbers === undefined || areFinite(numbers));
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[] {
    const wantsNumbers = outputs.some((name) => name !== reportOutput);
    const rows = this.#read(inputs, wantsNumbers);
    this.#compute(rows);
    return outputs.map((name) => {
      if (name === reportOutput) return this.#reports(rows);
      if (name !== this.#parts.graph.output) {
        throw new RuntimeError("invalid-argument", `the model has no '${name}'`);
      }
      return this.#numbers(rows);
    });
  }

  release(): void | Promise<void> {
    return this.#parts.session.release();
  }

  #read(inputs: readonly Tensor[], wantsNumbers: boolean): ReadRow[] {
    const [item] = inputs;
    if (item === undefined) return [];
    const { tokenizer } = this.#parts;
    return unpackElements(item.data).map((element) => readRow(element, tokenizer, wantsNumbers));
  }

  /** Adds its numbers to each row that is to have some. */
  #compute(rows: readonly ReadRow[]): void {
    const { session, graph, tokenizer } = this.#parts;
    const waiting = rows.filter(({ isRun, fault }) => isRun && fault === undefined);
    const lengths = waiting.map(({ ids }) => ids.length);
    for (const positions of cutRuns(lengths, runTokens)) {
      const run = positions.map((at) => waiting[at] as ReadRow);
      const [result] = session.run(padRun(run, graph.inputs, tokenizer.padId), [
        graph.output,
      ]) as Tensor[];
      if (result === undefined) throw new Error("a run without a result");
      this.#deal(run, floatsOf(result));
    }
  }

  /** Gives each row of a run its part of the result. */
  #deal(run: readonly ReadRow[], numbers: Float32Array): void {
    const { output, width } = this.#parts.graph;
    const isOfTokens = output === "token_logits";
    const perRow = numbers.length / run.length;
    for (const [at, row] of run.entries()) {
      // What padding was given is left out.
      const length = isOfTokens ? row.ids.length * width : perRow;
      row.numbers = numbers.subarray(at * perRow, at * perRow + length);
      if (!areFinite(row.numbers)) row.fault = { kind: "not-finite", tokens: 0, limit: 0 };
    }
  }

  #reports(rows: readonly ReadRow[]): Tensor {
    const { facts, tokenizer } = this.#parts;
    const data = packElements(
      rows.map((row) => packReport(reportOf(row, tokenizer, facts.labels))),
    );
    return { name: reportOutput, datatype: "BYTES", shape: [rows.length], data };
  }

  #numbers(rows: readonly ReadRow[]): Tensor {
    const { output, width } = this.#parts.graph;
    const numbers = new Float32Array(rows.length * width);
    for (const [at, row] of rows.entries()) {
      if (row.numbers !== undefined && row.fault === undefined)
        numbers.set(row.numbers, at * width);
    }
    const data = new Uint8Array(numbers.buffer);
    return { name: output, datatype: "FP32", shape: [rows.length, width], data };
  }
}

function areFinite(numbers: Float32Array): boolean {
  return numbers.every((value) => Number.isFinite(value));
}

/** As a view where that is possible. */
function floatsOf({ data }: Tensor): Float32Array {
  const size = Float32Array.BYTES_PER_ELEMENT;
  const { buffer, byteOffset, byteLength } = data.byteOffset % size === 0 ? data : data.slice();
  return new Float32Array(buffer, byteOffset, byteLength / size);
}
