import type { TranslatedFormat } from "../contract/model-format.ts";
import { looksLikeCatboost } from "../translator/catboost/catboost-look.ts";
import { looksLikeLightgbm } from "../translator/lightgbm/lightgbm-look.ts";
import { looksLikeSklearn } from "../translator/sklearn/sklearn-look.ts";
import { looksLikeXgboost, xgboostKind } from "../translator/xgboost/xgboost-look.ts";
import { translatedFormat } from "./translated-format.ts";

const xgboost = translatedFormat({
  name: "xgboost",
  library: "XGBoost",
  aliases: ["xgb"],
  files: {
    extensions: [".ubj"],
    usual: ["model.json", "model.ubj", "model.bst", "xgboost.json", "xgboost.ubj", "xgboost.model"],
    doubtful: [".json", ".bst", ".model"],
    recognises: looksLikeXgboost,
  },
  // A split takes about 114 bytes of JSON or 69 of UBJSON. Vectors in leaves take less than the copies of their trees.
  heldFactor: (head) =>
    xgboostKind(head) === "ubjson" ? { usual: 3.6, most: 9 } : { usual: 2.3, most: 6 },
  peakFactor: () => 6,
});

const lightgbm = translatedFormat({
  name: "lightgbm",
  library: "LightGBM",
  aliases: ["lgb"],
  files: {
    extensions: [],
    usual: ["model.txt", "model.bst"],
    doubtful: [".txt", ".bst"],
    recognises: looksLikeLightgbm,
  },
  // A split takes about 100 bytes of text.
  heldFactor: () => ({ usual: 2.8, most: 6 }),
  peakFactor: () => 8,
});

const catboost = translatedFormat({
  name: "catboost",
  library: "CatBoost",
  aliases: [],
  files: {
    extensions: [".cbm"],
    usual: ["model.cbm", "model.json", "model.bin"],
    doubtful: [".json", ".bin"],
    recognises: looksLikeCatboost,
  },
  // Symmetric trees name a split once for each level; written out, there is one for each leaf. Leaves are text in JSON.
  heldFactor: (head) =>
    head[0] === "{".charCodeAt(0) ? { usual: 4, most: 12 } : { usual: 11, most: 34 },
  peakFactor: () => 20,
});

/** Whether a file of scikit-learn that begins with `head` is compressed: zlib, gzip, or a zip with packed entries. */
function isPacked(head: Uint8Array): boolean {
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  return head[0] === 0x78 || head[0] === 0x1f || (isZip && head[8] !== 0);
}

const sklearn = translatedFormat({
  name: "sklearn",
  library: "scikit-learn",
  aliases: ["scikit-learn"],
  files: {
    extensions: [],
    usual: ["model.joblib", "model.pkl", "model.pickle", "model.skops"],
    doubtful: [".joblib", ".pkl", ".pickle", ".skops"],
    recognises: looksLikeSklearn,
  },
  // A split takes 75 to 200 bytes of a file, copies for several classes counted, and a tenth of that if it is compressed.
  heldFactor: (head) => (isPacked(head) ? { usual: 10, most: 60 } : { usual: 3, most: 8 }),
  // Measured: 4 for forests that are not compressed. Texts, of which encoders have lists, take more than arrays.
  peakFactor: (head) => (isPacked(head) ? 30 : 8),
});

/** The formats of other libraries whose models are translated, in the order in which their content is looked at. */
export const treeFormats: readonly TranslatedFormat[] = [xgboost, lightgbm, catboost, sklearn];
