import { RuntimeError } from "../../base/errors.ts";
import { refusePairs } from "./refuse-pairs.ts";

/** What a ranking is of, as JSON: integers that are too long for a number may be bigints. */
export type Document = Readonly<Record<string, unknown>>;

/** A request for a ranking, from either wire. */
export interface RankRequest {
  readonly queries: readonly string[];
  readonly documents: readonly Document[];
  /** How many documents to return of each ranking; all if absent or below 1. */
  readonly topN?: number | bigint | undefined;
  /** Absent: as true. */
  readonly returnDocuments?: boolean | undefined;
  readonly returnQueries?: boolean | undefined;
  readonly returnText?: boolean | undefined;
}

export interface RankedDocument {
  /** Its place in the request. */
  readonly index: number;
  readonly score: number;
  /** Undefined if the request does without. */
  readonly document: Document | undefined;
  readonly text: string | undefined;
}

export interface Ranking {
  readonly query: string | undefined;
  /** The most relevant one first. */
  readonly scores: readonly RankedDocument[];
}

/** What documents may take in a response, which repeats them for each query. */
const maxReturnedBytes = 64 * 1024 * 1024;
/** Of a value beside its letters. */
const valueBytes = 48;

/** The texts of the documents. Throws "invalid-argument" if there is nothing to rank, if a text is none, or if the
 *  response would become too large. */
export function documentTexts(request: RankRequest): string[] {
  const { queries, documents } = request;
  if (queries.length === 0 || documents.length === 0) {
    invalid("Cannot rerank without a query and at least one document");
  }
  refusePairs([queries.length, "queries"], [documents.length, "documents"]);
  refuseLargeAnswer(request);
  return documents.map(textOf);
}

/** One query's ranking. `scores`: of each document, in order. */
export function rank(
  request: RankRequest,
  {
    query,
    texts,
    scores,
  }: {
    readonly query: string;
    readonly texts: readonly string[];
    readonly scores: Float64Array;
  },
): Ranking {
  const { documents, returnDocuments = true, returnQueries = true, returnText = true } = request;
  const scored = Array.from(scores, (score, index) => ({ index, score }));
  scored.sort((one, other) => other.score - one.score || one.index - other.index);
  return {
    query: returnQueries ? query : undefined,
    scores: scored.slice(0, keptOf(request)).map(({ index, score }) => ({
      index,
      score,
      document: returnDocuments ? documents[index] : undefined,
      text: returnText ? texts[index] : undefined,
    })),
  };
}

function keptOf({ documents, topN }: RankRequest): number {
  const most = Number(topN ?? 0);
  return most < 1 ? documents.length : Math.min(most, documents.length);
}

function textOf(document: Document, index: number): string {
  // As Python's `or`: an empty text gives way.
  const text = document["text"] || (document["_text"] ?? "");
  if (typeof text === "string") return text;
  return invalid(`the text of document ${index} is ${typeof text}, expected a string`);
}

function refuseLargeAnswer(request: RankRequest): void {
  const { queries, documents, returnDocuments = true, returnText = true } = request;
  if (queries.length === 1 || !(returnDocuments || returnText)) return;
  const sizes = documents.map(sizeOf).sort((one, other) => other - one);
  const ofOne = sizes.slice(0, keptOf(request)).reduce((sum, size) => sum + size, 0);
  const bytes = ofOne * queries.length * (Number(returnDocuments) + Number(returnText));
  if (bytes <= maxReturnedBytes) return;
  invalid(
    `the response would repeat some ${Math.round(bytes / 1024 ** 2)} MiB of documents, expected at most ` +
      `${maxReturnedBytes / 1024 ** 2} MiB: turn off return_documents and return_text, or ask for fewer with top_n`,
  );
}

/** What a value takes at most, roughly. Not recursive: senders nest as they like. */
function sizeOf(document: Document): number {
  let bytes = 0;
  const values: unknown[] = [document];
  while (values.length > 0) {
    const value = values.pop();
    bytes += valueBytes;
    if (typeof value === "string") bytes += value.length * 3;
    else if (Array.isArray(value)) for (const item of value) values.push(item);
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        bytes += key.length * 3;
        values.push(item);
      }
    }
  }
  return bytes;
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
