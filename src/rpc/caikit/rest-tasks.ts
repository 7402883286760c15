import type { JsonPieces } from "../text/json-pieces.ts";
import type { RankRequest } from "./ranking.ts";
import { entityJson, rankingJson, writeAnswer, writeVectors } from "./rest-answers.ts";
import {
  asString,
  asStrings,
  booleanIn,
  documentsIn,
  type Fields,
  inputFields,
  integerIn,
  numberIn,
  stringIn,
  stringsIn,
} from "./rest-requests.ts";
import type { CaikitTasks, TaskCall } from "./tasks.ts";

/** A task as REST has it. */
interface RestTask {
  /** The last step of its path. */
  readonly path: string;
  /** The names of the parameters that it knows. */
  readonly parameters: readonly string[];
  /** Writes the answer. */
  run(call: TaskCall, request: Asked): Promise<void>;
}

interface Asked {
  readonly pieces: JsonPieces;
  readonly inputs: unknown;
  readonly parameters: Fields;
}

const limitName = "truncate_input_tokens";

/** Caikit's tasks over REST. `producer` is what answers name as their source. */
export function restTasks(tasks: CaikitTasks, producer: object): readonly RestTask[] {
  const ofTokens = (tokens: number) => ({ producer_id: producer, input_token_count: tokens });
  return [
    {
      path: "embedding",
      parameters: [limitName],
      async run(call, { inputs, parameters, pieces }) {
        const texts = [asString(inputs, "inputs")];
        const found = await tasks.embed(call, texts, integerIn(parameters, limitName));
        const [result] = found.vectors as readonly [Float32Array];
        await writeVectors(pieces, { result }, ofTokens(found.tokens));
      },
    },
    {
      path: "embedding-tasks",
      parameters: [limitName],
      async run(call, { inputs, parameters, pieces }) {
        const texts = asStrings(inputs, "inputs");
        const found = await tasks.embed(call, texts, integerIn(parameters, limitName));
        await writeVectors(pieces, { results: found.vectors }, ofTokens(found.tokens));
      },
    },
    {
      path: "sentence-similarity",
      parameters: [limitName],
      async run(call, { inputs, parameters, pieces }) {
        const fields = inputFields(inputs, ["source_sentence", "sentences"]);
        const { scores, tokens } = await tasks.similarities(call, {
          sources: [stringIn(fields, "source_sentence")],
          sentences: stringsIn(fields, "sentences"),
          limit: integerIn(parameters, limitName),
        });
        await writeAnswer(pieces, { result: scoresJson(scores[0]), ...ofTokens(tokens) });
      },
    },
    {
      path: "sentence-similarity-tasks",
      parameters: [limitName],
      async run(call, { inputs, parameters, pieces }) {
        const fields = inputFields(inputs, ["source_sentences", "sentences"]);
        const { scores, tokens } = await tasks.similarities(call, {
          sources: stringsIn(fields, "source_sentences"),
          sentences: stringsIn(fields, "sentences"),
          limit: integerIn(parameters, limitName),
        });
        await writeAnswer(pieces, { results: scores.map(scoresJson), ...ofTokens(tokens) });
      },
    },
    {
      path: "rerank",
      parameters: rankParameters("return_query"),
      async run(call, { inputs, parameters, pieces }) {
        const fields = inputFields(inputs, ["query", "documents"]);
        const queries = [stringIn(fields, "query")];
        const request = rankRequest({ queries, fields, parameters, returnName: "return_query" });
        const limit = integerIn(parameters, limitName);
        const { rankings, tokens } = await tasks.rank(call, request, limit);
        const [result] = rankings.map(rankingJson);
        await writeAnswer(pieces, { result, ...ofTokens(tokens) });
      },
    },
    {
      path: "rerank-tasks",
      parameters: rankParameters("return_queries"),
      async run(call, { inputs, parameters, pieces }) {
        const fields = inputFields(inputs, ["queries", "documents"]);
        const queries = stringsIn(fields, "queries");
        const request = rankRequest({ queries, fields, parameters, returnName: "return_queries" });
        const limit = integerIn(parameters, limitName);
        const { rankings, tokens } = await tasks.rank(call, request, limit);
        await writeAnswer(pieces, { results: rankings.map(rankingJson), ...ofTokens(tokens) });
      },
    },
    {
      path: "text-classification",
      parameters: [],
      async run(call, { inputs, pieces }) {
        await writeAnswer(pieces, {
          results: await tasks.classify(call, asString(inputs, "inputs")),
        });
      },
    },
    {
      path: "token-classification",
      parameters: ["threshold"],
      async run(call, { inputs, parameters, pieces }) {
        const text = asString(inputs, "inputs");
        const found = await tasks.entities(call, text, numberIn(parameters, "threshold"));
        const results = found.entities.map((entity) => entityJson(entity, found.tokens));
        await writeAnswer(pieces, { results });
      },
    },
    {
      path: "tokenization",
      parameters: [],
      async run(call, { inputs, pieces }) {
        const { results, tokens } = await tasks.tokenize(call, asString(inputs, "inputs"));
        await writeAnswer(pieces, { results, token_count: tokens });
      },
    },
  ];
}

function rankParameters(returnName: string): readonly string[] {
  return ["top_n", limitName, "return_documents", returnName, "return_text"];
}

function rankRequest({
  queries,
  fields,
  parameters,
  returnName,
}: {
  readonly queries: readonly string[];
  readonly fields: Fields;
  readonly parameters: Fields;
  readonly returnName: string;
}): RankRequest {
  return {
    queries,
    documents: documentsIn(fields, "documents"),
    topN: integerIn(parameters, "top_n"),
    returnDocuments: booleanIn(parameters, "return_documents"),
    returnQueries: booleanIn(parameters, returnName),
    returnText: booleanIn(parameters, "return_text"),
  };
}

function scoresJson(scores: Float64Array | undefined): object {
  return { scores: Array.from(scores ?? []) };
}
