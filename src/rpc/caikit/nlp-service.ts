import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  EmbeddingResultSchema,
  EmbeddingResultsSchema,
  type RerankScoresSchema,
} from "../../../gen/caikit/caikit-nlp_pb.ts";
import type { NlpService } from "../../../gen/caikit/nlp-service_pb.ts";
import type { TextCalls } from "../../service/contract/text.ts";
import { callOf, isJsonCall } from "./call-of.ts";
import type { Ranking } from "./ranking.ts";
import { CaikitTasks } from "./tasks.ts";
import { vectorMessage } from "./vector-message.ts";

/** Caikit's inference service: see proto/caikit/nlp-service.proto. `version` is ours. */
export function nlpService({
  texts,
  version,
}: {
  readonly texts: TextCalls;
  readonly version: string;
}): ServiceImpl<typeof NlpService> {
  const tasks = new CaikitTasks(texts);
  const ofTokens = (tokens: number) => ({
    producerId: { name: "modelport", version },
    inputTokenCount: BigInt(tokens),
  });
  return {
    async embeddingTaskPredict({ text, truncateInputTokens }, context) {
      const call = callOf(context);
      const { vectors, tokens } = await tasks.embed(call, [text], truncateInputTokens);
      const result = vectorMessage(vectors[0] as Float32Array, isJsonCall(context));
      return create(EmbeddingResultSchema, { result, ...ofTokens(tokens) });
    },

    async embeddingTasksPredict({ texts, truncateInputTokens }, context) {
      const call = callOf(context);
      const found = await tasks.embed(call, texts, truncateInputTokens);
      const isJson = isJsonCall(context);
      const vectors = found.vectors.map((vector) => vectorMessage(vector, isJson));
      return create(EmbeddingResultsSchema, { results: { vectors }, ...ofTokens(found.tokens) });
    },

    async sentenceSimilarityTaskPredict(request, context) {
      const { sourceSentence, sentences, truncateInputTokens: limit } = request;
      const asked = { sources: [sourceSentence], sentences, limit };
      const { scores, tokens } = await tasks.similarities(callOf(context), asked);
      return { result: toScores(scores[0]), ...ofTokens(tokens) };
    },

    async sentenceSimilarityTasksPredict(request, context) {
      const { sourceSentences, sentences, truncateInputTokens: limit } = request;
      const asked = { sources: sourceSentences, sentences, limit };
      const { scores, tokens } = await tasks.similarities(callOf(context), asked);
      return { results: scores.map(toScores), ...ofTokens(tokens) };
    },

    async rerankTaskPredict({ query, returnQuery, truncateInputTokens, ...request }, context) {
      const asked = { ...request, queries: [query], returnQueries: returnQuery };
      const { rankings, tokens } = await tasks.rank(callOf(context), asked, truncateInputTokens);
      return { result: toRanking(rankings[0] as Ranking), ...ofTokens(tokens) };
    },

    async rerankTasksPredict({ truncateInputTokens, ...request }, context) {
      const { rankings, tokens } = await tasks.rank(callOf(context), request, truncateInputTokens);
      return { results: rankings.map(toRanking), ...ofTokens(tokens) };
    },

    async textClassificationTaskPredict({ text }, context) {
      return { results: [...(await tasks.classify(callOf(context), text))] };
    },

    async tokenClassificationTaskPredict({ text, threshold }, context) {
      const { entities, tokens } = await tasks.entities(callOf(context), text, threshold);
      const tokenCount = BigInt(tokens);
      const results = entities.map(({ start, end, word, entity, score }) => ({
        start: BigInt(start),
        end: BigInt(end),
        word,
        entity,
        entityGroup: entity,
        score,
        tokenCount,
      }));
      return { results };
    },

    async tokenizationTaskPredict({ text }, context) {
      const { results, tokens } = await tasks.tokenize(callOf(context), text);
      return {
        results: results.map((token) => ({
          start: BigInt(token.start),
          end: BigInt(token.end),
          text: token.text,
        })),
        tokenCount: BigInt(tokens),
      };
    },
  };
}

function toScores(scores: Float64Array | undefined) {
  return { scores: Array.from(scores ?? []) };
}

function toRanking({ query, scores }: Ranking): MessageInitShape<typeof RerankScoresSchema> {
  return {
    ...(query !== undefined && { query }),
    scores: scores.map(({ index, score, document, text }) => ({
      index: BigInt(index),
      score,
      ...(document !== undefined && { document: document as JsonObject }),
      ...(text !== undefined && { text }),
    })),
  };
}
