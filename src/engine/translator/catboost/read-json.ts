import { describeError } from "../../../base/errors.ts";
import {
  type CatboostModel,
  type CatboostTree,
  columnCount,
  type FloatFeature,
  type OtherFeature,
} from "./catboost-model.ts";
import { malformed, refusal } from "./catboost-refusal.ts";
import { readBranches } from "./json-branches.ts";
import { asIndex, asList, asNumber, asNumbers, asObject } from "./json-values.ts";
import { readInfo } from "./model-info.ts";

/** V8's limit of a string. */
const maxTextBytes = 2 ** 29 - 24;

/** Reads the form that save_model(format="json") writes. Throws RuntimeError "invalid-argument". */
export function readJson(file: Uint8Array): CatboostModel {
  if (file.length > maxTextBytes) {
    throw refusal(
      `has ${file.length} bytes of JSON, and at most 512 MiB are supported: save it as .cbm, which is smaller`,
    );
  }
  const root = asObject(parse(file), "its content");
  const featuresInfo = asObject(root["features_info"] ?? {}, '"features_info"');
  const features = entries(featuresInfo, "float_features").map(floatFeatureOf);
  const others = otherFeatures(featuresInfo);
  const trees = readTrees(root);
  const dimension = dimensionOf(trees);
  const { scale, bias } = scaleAndBias(root["scale_and_bias"] ?? null);
  const info = asObject(root["model_info"] ?? {}, '"model_info"');
  return {
    features,
    columns: columnCount([...features, ...others]),
    otherFeature: others[0],
    dimension,
    trees,
    scale,
    bias,
    ...readInfo(new Map(Object.entries(info))),
  };
}

function parse(file: Uint8Array): unknown {
  try {
    return JSON.parse(
      Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("utf8"),
    ) as unknown;
  } catch (reason) {
    const problem = describeError(reason, 200).replace(/[^\x20-\x7e]+/g, "?");
    throw malformed(`its JSON cannot be read (${problem})`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function entries(fields: Fields, key: string): Fields[] {
  return asList(fields[key] ?? null, `"${key}"`).map((entry, index) =>
    asObject(entry, `element ${index} of "${key}"`),
  );
}

function floatFeatureOf(fields: Fields): FloatFeature {
  const column = asIndex(fields["flat_feature_index"], '"flat_feature_index" of a feature');
  const name = fields["feature_id"] ?? fields["feature_name"];
  return {
    column,
    name: typeof name === "string" ? name : "",
    borders: Float32Array.from(
      asNumbers(fields["borders"] ?? null, `borders of feature ${column}`),
    ),
    nanIsTrue: fields["nan_value_treatment"] === "AsTrue",
  };
}

function otherFeatures(fields: Fields): OtherFeature[] {
  return (["categorical", "text", "embedding"] as const).flatMap((kind) =>
    entries(fields, `${kind}_features`).map((each) => ({
      kind,
      column: asIndex(each["flat_feature_index"], `"flat_feature_index" of a ${kind} feature`),
    })),
  );
}

function scaleAndBias(value: unknown): Pick<CatboostModel, "scale" | "bias"> {
  if (value === null) return { scale: 1, bias: [0] };
  const [scale, bias] = asList(value, '"scale_and_bias"');
  return {
    scale: asNumber(scale, "its scale"),
    bias: typeof bias === "number" ? [bias] : asNumbers(bias, "its bias"),
  };
}

function readTrees(root: Fields): CatboostTree[] {
  if (root["oblivious_trees"] === undefined) {
    return entries(root, "trees").map((tree, number) => readBranches(tree, `tree ${number}`));
  }
  return entries(root, "oblivious_trees").map((tree, number) => {
    const name = `tree ${number}`;
    const splits = asList(tree["splits"] ?? null, `"splits" of ${name}`).map((split, level) =>
      asIndex(
        asObject(split, `split ${level} of ${name}`)["split_index"],
        `"split_index" of split ${level} of ${name}`,
      ),
    );
    return {
      kind: "symmetric",
      splits: Int32Array.from(splits),
      values: Float64Array.from(asNumbers(tree["leaf_values"], `"leaf_values" of ${name}`)),
    };
  });
}

/** Values of one leaf, by the first tree. */
function dimensionOf([tree]: readonly CatboostTree[]): number {
  if (tree === undefined) return 0;
  const leaves = tree.kind === "symmetric" ? 2 ** tree.splits.length : tree.split.length;
  return tree.values.length / leaves;
}
