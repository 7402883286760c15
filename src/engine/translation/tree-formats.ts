import type { TranslatedFormat } from "../contract/model-format.ts";
import { looksLikeCatboost } from "../translator/catboost/catboost-look.ts";
import { looksLikeLightgbm } from "../translator/lightgbm/lightgbm-look.ts";
import { translatedFormat } from "./translated-format.ts";

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
export const treeFormats: readonly TranslatedFormat[] = [lightgbm, catboost];
