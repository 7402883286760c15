import { KeyLines } from "./key-lines.ts";
import type { LightgbmModel, LightgbmTree } from "./lightgbm-model.ts";
import { malformed, refusal } from "./lightgbm-refusal.ts";
import { integerOf } from "./number-list.ts";
import { readObjective } from "./objective.ts";
import { type CategoryLines, readPandasCategories } from "./pandas-categories.ts";
import { readTree } from "./read-tree.ts";

const versions = ["v3", "v4"];

/** Reads a model in the text form of LightGBM 3.3 to 4.7. Throws RuntimeError "invalid-argument" for what is not
 *  one, is cut off, or cannot be served. */
export function readLightgbm(file: Uint8Array): LightgbmModel {
  const lines = new KeyLines(file);
  const head = readHead(lines);
  const trees: LightgbmTree[] = [];
  for (;;) {
    trees.push(readTree(lines, `tree ${trees.length}`));
    if (nextBlock(lines) === "end") break;
  }
  if (trees.length % head.outputs !== 0) {
    throw malformed(
      `it has ${trees.length} trees for ${head.outputs} outputs, expected a multiple`,
    );
  }
  const pandasCategories = readPandasCategories(readTail(lines), head.columns);
  return { ...head, trees, pandasCategories };
}

type Head = Omit<LightgbmModel, "trees" | "pandasCategories">;

/** Up to the line of the first tree, which it leaves as the current one. */
function readHead(lines: KeyLines): Head {
  const values = new Map<string, string>();
  for (;;) {
    if (!lines.next()) throw cutOff();
    const { key } = lines;
    if (key === "Tree") break;
    if (lines.line === "end of trees") {
      throw refusal("has no trees: train it for at least one round before you save it");
    }
    if (key !== "") values.set(key, lines.value);
  }
  const version = values.get("version") ?? "";
  if (!values.has("tree") || !versions.includes(version)) {
    throw refusal(
      `has the version ${JSON.stringify(version.slice(0, 40))}, expected v3 or v4: load it with LightGBM 3.3 to 4.7 and save it again`,
    );
  }
  const columns = count(values, "max_feature_idx", 0) + 1;
  const outputs = count(
    values,
    values.has("num_tree_per_iteration") ? "num_tree_per_iteration" : "num_class",
    1,
  );
  const objective = readObjective(values.get("objective"));
  if (objective.classes === "several" ? outputs < 2 : objective.classes === "two" && outputs > 1) {
    throw malformed(
      `its objective "${objective.name}" does not go with ${outputs} trees per round`,
    );
  }
  const featureNames = (values.get("feature_names") ?? "").trim().split(" ");
  if (featureNames.length !== columns) {
    throw malformed(`it has ${featureNames.length} feature names for ${columns} features`);
  }
  return {
    version,
    columns,
    featureNames,
    objective,
    outputs,
    averages: values.has("average_output"),
  };
}

/** Skips the empty lines between trees. Whether another tree follows. */
function nextBlock(lines: KeyLines): "tree" | "end" {
  while (lines.next()) {
    const { key } = lines;
    if (key === "Tree") return "tree";
    if (key === "end of trees") return "end";
    if (key !== "") throw malformed(`it has ${JSON.stringify(key)} where a tree should begin`);
  }
  throw cutOff();
}

/** What follows the trees: importances and parameters, and the lines about categories among them. */
function readTail(lines: KeyLines): CategoryLines {
  let categoryColumns: string | undefined;
  let pandas: string | undefined;
  while (lines.next()) {
    const { key } = lines;
    if (key.startsWith("[categorical_feature: ")) categoryColumns = lines.line;
    if (key.startsWith("pandas_categorical:")) pandas = lines.line;
  }
  return { categoryColumns, pandas };
}

function count(values: ReadonlyMap<string, string>, key: string, min: number): number {
  const number = integerOf(values.get(key)?.trim() ?? "");
  if (number === undefined || number < min || number >= 2 ** 31 - 1) {
    throw malformed(`it has no "${key}" with an integer of at least ${min}`);
  }
  return number;
}

function cutOff(): Error {
  return refusal(
    'is cut off: the line "end of trees" is missing; copy it again, or save it again with Booster.save_model',
  );
}
