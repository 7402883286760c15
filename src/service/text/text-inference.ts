import type { CancelSignal } from "../../base/cancel-signal.ts";
import { packTexts } from "../../base/packed-texts.ts";
import type { Tensor } from "../../base/tensor.ts";
import { classify } from "../classification.ts";
import type { InferenceRequest } from "../contract/models.ts";
import type { TextOrPair } from "../contract/text.ts";
import { refuseCount, refuseOddText } from "./check-texts.ts";
import { classifyTexts, findEntities } from "./classify-texts.ts";
import { type Embedder, embed } from "./embed.ts";
import { scorePairs } from "./score.ts";
import { invalid, type RowName } from "./text-errors.ts";
import { textTensors } from "./text-metadata.ts";
import { type TextParameters, textParameters } from "./text-parameters.ts";
import { type TextTensors, textsIn } from "./text-tensors.ts";

/** What a model makes of the texts of one request. */
type Answer = (
  embedder: Embedder,
  request: { readonly texts: TextTensors; readonly parameters: TextParameters },
  signal: CancelSignal,
) => Promise<readonly Tensor[]>;

/** An inference of the Open Inference Protocol on a text model: as `Models.infer`, with the tensors of
 *  `textMetadata`. */
export async function inferTexts(
  embedder: Embedder,
  request: InferenceRequest,
  signal: CancelSignal,
): Promise<readonly Tensor[]> {
  const { facts, label } = embedder.target;
  const texts = textsIn(request.inputs, { facts, label });
  const parameters = { ...textParameters(request.parameters), times: request.times };
  const outputs = await answers[facts.task](embedder, { texts, parameters }, signal);
  const { classes } = request;
  const named = (name: string) => {
    const output = outputs.find((each) => each.name === name);
    if (output === undefined) {
      const known = outputs.map((each) => `'${each.name}'`).join(", ");
      throw invalid(`output '${name}' is unknown to model '${label}', which gives ${known}`);
    }
    const count = classes?.get(name);
    const isScores = name === textTensors.scores;
    const labels = isScores ? facts.labels : undefined;
    return count === undefined ? output : classify(output, { count, labels, isBatched: isScores });
  };
  return request.outputs.length === 0
    ? outputs.map(({ name }) => named(name))
    : request.outputs.map(named);
}

const answers: Readonly<Record<Embedder["target"]["facts"]["task"], Answer>> = {
  embedding: async (embedder, { texts: { texts }, parameters }, signal) => {
    const { vectors } = await embed(embedder, { ...parameters, texts: singly(texts) }, signal);
    return [matrix(textTensors.embedding, vectors)];
  },
  rerank: async ({ target }, { texts: { texts, queries }, parameters }, signal) => {
    const nameOf: RowName = (index) => `text ${index} with the query`;
    refuseCount(texts.length, "texts");
    const pairs = texts.map((each, index) => pairOf(each, queries, index));
    const { scores } = await scorePairs(target, { ...parameters, pairs, nameOf }, signal);
    return [list(textTensors.score, scores)];
  },
  classification: async ({ target }, { texts: { texts }, parameters }, signal) => {
    const { labels, scores } = await classifyTexts(target, { ...parameters, texts }, signal);
    const best = scores.map((row) => row.indexOf(Math.max(...row)));
    const names = best.map((at) => labels[at] ?? "");
    return [
      { name: textTensors.label, ...bytesOf(names) },
      list(
        textTensors.score,
        scores.map((row, index) => row[best[index] as number] as number),
      ),
      matrix(textTensors.scores, scores),
    ];
  },
  "token-classification": async ({ target }, { texts: { texts }, parameters }, signal) => {
    const found = await findEntities(target, { ...parameters, texts: singly(texts) }, signal);
    const rows = found.entities.map((entities) => JSON.stringify(entities));
    return [{ name: textTensors.entities, ...bytesOf(rows) }];
  },
};

function singly(texts: readonly TextOrPair[]): string[] {
  return texts.map((each) => {
    if (typeof each === "string") return each;
    throw invalid(
      `input '${textTensors.text}' has pairs, and the model takes texts: [-1] or [-1,1]`,
    );
  });
}

/** A query and a document. */
function pairOf(
  each: TextOrPair,
  queries: readonly string[] | undefined,
  index: number,
): readonly [string, string] {
  const nameOf: RowName = () => `text ${index}`;
  const query = queries?.[queries.length === 1 ? 0 : index];
  if (typeof each !== "string") {
    if (queries !== undefined) {
      throw invalid(`input '${textTensors.text}' has pairs: leave out '${textTensors.query}'`);
    }
    refuseOddText(each[0], index, { nameOf: () => `the query of text ${index}` });
    refuseOddText(each[1], index, { nameOf, mayBeEmpty: true });
    return each;
  }
  if (query === undefined) {
    throw invalid(
      `input '${textTensors.query}' is missing: the model ranks texts by a query. Send it as BYTES [1], or one ` +
        `for each text, or pairs of query and text as '${textTensors.text}' of shape [-1,2]`,
    );
  }
  refuseOddText(query, index, { nameOf: () => "the query" });
  refuseOddText(each, index, { nameOf, mayBeEmpty: true });
  return [query, each];
}

function bytesOf(texts: readonly string[]): Omit<Tensor, "name"> {
  return { datatype: "BYTES", shape: [texts.length], data: packTexts(texts) };
}

function list(name: string, values: ArrayLike<number>): Tensor {
  const { buffer } = Float32Array.from(values);
  return { name, datatype: "FP32", shape: [values.length], data: new Uint8Array(buffer) };
}

function matrix(name: string, rows: readonly (Float32Array | Float64Array)[]): Tensor {
  const width = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) values.set(row, index * width);
  const data = new Uint8Array(values.buffer);
  return { name, datatype: "FP32", shape: [rows.length, width], data };
}
