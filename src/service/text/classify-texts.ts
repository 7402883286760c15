import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { Classified, ClassifyCall, EntitiesCall, FoundEntities } from "../contract/text.ts";
import { scoresOf } from "./activation.ts";
import { refuseCount, refuseOddText } from "./check-texts.ts";
import { runItems } from "./run-items.ts";
import { notANumber, type RowName } from "./text-errors.ts";
import type { TextTarget } from "./text-target.ts";

const nameOf: RowName = (index) => `text ${index}`;

/** As `TextCalls.classify`. */
export async function classifyTexts(
  target: TextTarget,
  call: ClassifyCall,
  signal: CancelSignal,
): Promise<Classified> {
  const { texts, truncate, truncateSide, raw, times } = call;
  refuseCount(texts.length, "texts");
  const items = texts.map((each, index) => {
    const [text, pair] = typeof each === "string" ? [each] : each;
    refuseOddText(text, index, { nameOf });
    if (pair !== undefined) refuseOddText(pair, index, { nameOf, mayBeEmpty: true });
    return { text, pair, addSpecial: true, truncate, truncateSide };
  });
  const { labels, activation } = target.facts;
  const results = await runItems(target, { items, output: "logits", nameOf, times }, signal);
  const scores = results.map(({ values }, index) => {
    const row = scoresOf(values, raw === true ? "identity" : activation);
    if (!row.every(Number.isFinite)) throw notANumber(nameOf(index), target.label);
    return row;
  });
  return { labels, scores, tokens: results.map(({ report }) => report.tokens) };
}

/** As `TextCalls.entities`. */
export async function findEntities(
  target: TextTarget,
  call: EntitiesCall,
  signal: CancelSignal,
): Promise<FoundEntities> {
  const { texts, truncate, truncateSide, times, threshold = 0 } = call;
  refuseCount(texts.length, "texts");
  const items = texts.map((text, index) => {
    refuseOddText(text, index, { nameOf });
    return { text, addSpecial: true, truncate, truncateSide, want: "entities" } as const;
  });
  const results = await runItems(target, { items, output: undefined, nameOf, times }, signal);
  const entities = results.map(({ report }, index) => {
    const found = report.entities ?? [];
    if (!found.every(({ score }) => Number.isFinite(score))) {
      throw notANumber(nameOf(index), target.label);
    }
    return found.filter(({ score }) => score >= threshold);
  });
  return { entities, tokens: results.map(({ report }) => report.tokens) };
}
