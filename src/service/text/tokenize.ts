import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { RowReport } from "../../engine/text/items/text-report.ts";
import type { TokenizeCall, TokenizedText } from "../contract/text.ts";
import { refuseCount, refuseOddText } from "./check-texts.ts";
import { runItems } from "./run-items.ts";
import type { RowName } from "./text-errors.ts";
import type { TextTarget } from "./text-target.ts";

const nameOf: RowName = (index) => `text ${index}`;

/** As `TextCalls.tokenize`. */
export async function tokenize(
  target: TextTarget,
  { texts, addSpecial }: TokenizeCall,
  signal: CancelSignal,
): Promise<readonly TokenizedText[]> {
  refuseCount(texts.length, "texts");
  const items = texts.map((text, index) => {
    refuseOddText(text, index, { nameOf, mayBeEmpty: true });
    return { text, addSpecial, truncate: "error", want: "offsets" } as const;
  });
  const results = await runItems(target, { items, output: undefined, nameOf }, signal);
  return results.map(({ report }) => ({ tokens: tokensOf(report) }));
}

function tokensOf({ ids = [], pieces, offsets, special = [] }: RowReport): TokenizedText["tokens"] {
  const isSpecial = new Set(special);
  return ids.map((id, at) => {
    const [start, end] = offsets?.[at] ?? [0, 0];
    return { id, piece: pieces?.[at] ?? "", start, end, isSpecial: isSpecial.has(at) };
  });
}
