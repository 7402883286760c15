import { RuntimeError } from "../../../base/errors.ts";
import type { DocumentObject } from "./document.ts";
import { Fields } from "./fields.ts";
import { malformed } from "./malformed.ts";
import { readJson } from "./read-json.ts";
import { readUbjson } from "./read-ubjson.ts";
import { xgboostKind } from "./xgboost-look.ts";
import { readXgboostModel, type XgboostModel } from "./xgboost-model.ts";

const mostJsonBytes = 512 * 1024 * 1024;
/** Statistics of the training, which take a good part of each file. */
const skip = new Set(["loss_changes", "sum_hessian", "parents"]);

/** Reads JSON or UBJSON: a saved model, or what a booster is pickled as. Throws RuntimeError "invalid-argument". */
export function readXgboost(file: Uint8Array): XgboostModel {
  return readXgboostModel(new Fields(documentOf(file), ""));
}

function documentOf(file: Uint8Array): DocumentObject {
  const kind = xgboostKind(file.subarray(0, 65_536));
  if (kind === "binary") {
    throw new RuntimeError(
      "invalid-argument",
      "this file is an XGBoost model in the binary format that XGBoost 3.1 removed: load it with XGBoost 1.6 to 3.0 and save it as .json or .ubj",
    );
  }
  if (kind === "json" && file.byteLength > mostJsonBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `this XGBoost model is JSON of ${file.byteLength} bytes, and at most ${mostJsonBytes} are read: save it as .ubj`,
    );
  }
  const value = kind === "ubjson" ? readUbjson(file, { skip }) : readJson(file, { skip });
  if (value instanceof Map) return value as DocumentObject;
  throw malformed("it is not an object");
}
