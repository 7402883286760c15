import type { TranslatedFormat } from "../contract/model-format.ts";
import { looksLikeCatboost } from "../translator/catboost/catboost-look.ts";
import { looksLikeLightgbm } from "../translator/lightgbm/lightgbm-look.ts";
import { looksLikeXgboost, xgboostKind } from "../translator/xgboost/xgboost-look.ts";
import { translatedFormat } from "./translated-format.ts";

// Factors are bytes of memory for one byte of a file. A split takes 235 of them in a session, or 275 in double precision.

const xgboost = translatedFormat({
  name: "xgboost",
  library: "XGBoost",
  aliases: ["xgboost_json", "xgboost_ubj"],
  files: {
    extensions: [".ubj", ".bst", ".xgb"],
    usual: ["model.json", "model.ubj", "model.bst", "xgboost.json", "xgboost.ubj", "xgboost.model"],
    doubtful: [".json", ".model", ".bin"],
    recognises: looksLikeXgboost,
  },
  // A split takes 114 bytes in JSON, and 69 in UBJSON.
  heldFactor: (head) =>
    xgboostKind(head) === "json" ? { usual: 2.1, most: 4 } : { usual: 3.4, most: 6 },
  peakFactor: 10,
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
  peakFactor: 8,
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
  peakFactor: 20,
});

/** The formats of other libraries whose models are translated, in the order in which their content is looked at. */
export const treeFormats: readonly TranslatedFormat[] = [xgboost, lightgbm, catboost];
