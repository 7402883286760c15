import { groupEntities } from "../entities/group-entities.ts";
import type { TextItem } from "../items/text-item.ts";
import type { RowFault, TextReport } from "../items/text-report.ts";
import { unpackItem } from "../items/unpack-item.ts";
import type { EncodeOptions, TextTokenizer, TokenPlace } from "../tokens/text-tokenizer.ts";
import type { Sequence } from "./pad-run.ts";

/** One row of a request, as tokens. */
export interface ReadRow extends Sequence {
  readonly item: TextItem | undefined;
  /** Whether it is to have numbers. */
  readonly isRun: boolean;
  /** Before it was cut. */
  readonly totalTokens: number;
  /** Where its tokens are in its text, if that is asked for. */
  readonly places: readonly TokenPlace[] | undefined;
  /** Set while it runs. */
  numbers: Float32Array | undefined;
  fault: RowFault["fault"] | undefined;
}

/** Reads a packed item. What is wrong with it is in the row. `wantsNumbers`: whether the request asks for more than
 *  reports. */
export function readRow(
  element: Uint8Array,
  tokenizer: TextTokenizer,
  wantsNumbers: boolean,
): ReadRow {
  const item = unpackItem(element);
  if (item === undefined) return failed(item, { kind: "malformed", tokens: 0, limit: 0 });
  const { ids, pair, prompt = "", text = "", want, addSpecial, truncateSide: side } = item;
  const isRun = wantsNumbers || want === "entities";
  const whole = prompt + text;
  const hasPlaces = want !== "tokens" && ids === undefined && pair === undefined;
  // Tokens that no model reads may be any number.
  if (!isRun && hasPlaces) return listed(item, tokenizer.offsets(whole, { addSpecial }));
  const options = { truncate: item.truncate, addSpecial, ...(side && { side }) };
  const source = ids === undefined ? { text: whole, ...(pair !== undefined && { pair }) } : { ids };
  const encoded = tokenizer.encode(source, options);
  if ("fault" in encoded) return failed(item, encoded.fault);
  return {
    ...encoded,
    promptTokens: prompt === "" ? 0 : promptLength(tokenizer, prompt, addSpecial),
    item,
    isRun,
    places: hasPlaces ? placesOf(tokenizer, whole, options) : undefined,
    numbers: undefined,
    fault: undefined,
  };
}

/** Of what `encode` has accepted with these options. */
function placesOf(
  tokenizer: TextTokenizer,
  text: string,
  { truncate, ...others }: EncodeOptions,
): readonly TokenPlace[] {
  return tokenizer.offsets(text, truncate === "error" ? others : { ...others, truncate });
}

/** Tokens before those of the text, special ones included. */
function promptLength(tokenizer: TextTokenizer, prompt: string, addSpecial: boolean): number {
  const alone = tokenizer.encode({ text: prompt }, { truncate: "model", addSpecial });
  if ("fault" in alone) return 0;
  // The last special token closes the whole text.
  return alone.ids.length - (addSpecial ? 1 : 0);
}

function listed(item: TextItem, places: readonly TokenPlace[]): ReadRow {
  const ids = Int32Array.from(places, ({ id }) => id);
  const { length: totalTokens } = places;
  const types = new Int32Array(totalTokens);
  const sequence = { ids, types, promptTokens: 0, totalTokens };
  return { ...sequence, item, isRun: false, places, numbers: undefined, fault: undefined };
}

function failed(item: TextItem | undefined, fault: RowFault["fault"]): ReadRow {
  const none = new Int32Array(0);
  const sequence = { ids: none, types: none, promptTokens: 0, totalTokens: 0 };
  return { ...sequence, item, isRun: false, places: undefined, numbers: undefined, fault };
}

/** What is told of a row after its run. */
export function reportOf(
  row: ReadRow,
  tokenizer: TextTokenizer,
  labels: readonly string[],
): TextReport {
  const { fault, ids, totalTokens, item, places, numbers } = row;
  if (fault !== undefined) return { fault };
  const tokens = ids.length;
  const counts = totalTokens > tokens ? { tokens, totalTokens } : { tokens };
  switch (item?.want) {
    case "ids":
      return { ...counts, ids: [...ids] };
    case "offsets":
      return places === undefined ? { ...counts, ids: [...ids] } : { ...counts, ...listOf(places) };
    case "entities": {
      if (places === undefined || numbers === undefined) return { ...counts, entities: [] };
      const { prompt = "", text = "" } = item;
      const classes = { text: prompt + text, places, logits: numbers, labels, tokenizer };
      return { ...counts, entities: groupEntities(classes) };
    }
    default:
      return counts;
  }
}

function listOf(places: readonly TokenPlace[]) {
  return {
    ids: places.map(({ id }) => id),
    pieces: places.map(({ piece }) => piece),
    offsets: places.map(({ start, end }) => [start, end] as const),
    special: [...places.keys()].filter((at) => places[at]?.isSpecial === true),
  };
}
