import type { KeyLines } from "./key-lines.ts";
import type { LightgbmTree } from "./lightgbm-model.ts";
import { malformed, refusal } from "./lightgbm-refusal.ts";
import { doublesOf, int32sOf, integerOf, uint32sOf } from "./number-list.ts";

/** What predictions need. Other lines (gains, weights, counts) are skipped undecoded. */
const keys = new Set([
  "num_leaves",
  "num_cat",
  "split_feature",
  "threshold",
  "decision_type",
  "left_child",
  "right_child",
  "leaf_value",
  "cat_boundaries",
  "cat_threshold",
  "is_linear",
]);

/** Reads the lines after "Tree=…" up to an empty one. Checks lengths and types, not yet what they mean. */
export function readTree(lines: KeyLines, name: string): LightgbmTree {
  const values = new Map<string, string>();
  while (lines.next()) {
    const { key } = lines;
    if (key === "") break;
    if (keys.has(key)) values.set(key, lines.value);
  }
  if ((values.get("is_linear")?.trim() ?? "0") !== "0") {
    throw refusal(
      `has linear trees (${name}), which are not supported: train it with linear_tree=false`,
    );
  }
  const leaves = integerOf(values.get("num_leaves")?.trim() ?? "");
  if (leaves === undefined || leaves < 1 || leaves >= 2 ** 30) {
    throw malformed(`${name} has no "num_leaves" with the number of its leaves`);
  }
  const sets = integerOf(values.get("num_cat")?.trim() ?? "0");
  if (sets === undefined || sets < 0 || sets >= leaves) {
    throw malformed(`${name} has no "num_cat" with the number of its sets of categories`);
  }
  const place = (key: string, length: number) => ({ owner: name, key, length });
  const inner = leaves - 1;
  const leafValue = doublesOf(values.get("leaf_value"), place("leaf_value", leaves));
  if (inner === 0) {
    const none = new Int32Array(0);
    return {
      leaves,
      feature: none,
      threshold: new Float64Array(0),
      decision: new Uint8Array(0),
      left: none,
      right: none,
      leafValue,
      setBounds: none,
      setWords: new Uint32Array(0),
    };
  }
  const decisions = int32sOf(values.get("decision_type"), place("decision_type", inner));
  if (decisions.some((type) => type < 0 || type > 15)) {
    throw malformed(`${name} has a decision type out of range, expected 0 to 15`);
  }
  return {
    leaves,
    feature: int32sOf(values.get("split_feature"), place("split_feature", inner)),
    threshold: doublesOf(values.get("threshold"), place("threshold", inner)),
    decision: Uint8Array.from(decisions),
    left: int32sOf(values.get("left_child"), place("left_child", inner)),
    right: int32sOf(values.get("right_child"), place("right_child", inner)),
    leafValue,
    ...readSets(values, { name, sets }),
  };
}

function readSets(
  values: ReadonlyMap<string, string>,
  { name, sets }: { readonly name: string; readonly sets: number },
): Pick<LightgbmTree, "setBounds" | "setWords"> {
  if (sets === 0) return { setBounds: new Int32Array(1), setWords: new Uint32Array(0) };
  const setBounds = int32sOf(values.get("cat_boundaries"), {
    owner: name,
    key: "cat_boundaries",
    length: sets + 1,
  });
  if (setBounds[0] !== 0 || setBounds.some((bound, at) => bound < (setBounds[at - 1] ?? 0))) {
    throw malformed(`${name} has cat_boundaries out of order`);
  }
  const setWords = uint32sOf(values.get("cat_threshold"), {
    owner: name,
    key: "cat_threshold",
    length: setBounds[sets] as number,
  });
  return { setBounds, setWords };
}
