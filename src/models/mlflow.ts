import { createRequire } from "node:module";
import { posix } from "node:path";

/** The name of the file that makes a folder an MLflow model. */
export const mlflowFileName = "MLmodel";
/** Real ones have some kilobytes, of which an example of the input may be most. */
export const maxMlflowBytes = 1024 * 1024;

/** What an MLflow model is served from. */
export type MlflowModel =
  /** A file, by its path below the folder: of a flavour that is served. */
  { readonly file: string } | { readonly why: string };

/** For a file that is larger than that. */
export const largeMlflow: MlflowModel = {
  why: `${mlflowFileName} has more than ${maxMlflowBytes} bytes`,
};

/** Flavours that are served, the most exact first, and the fields that may name their file. */
const flavours: readonly (readonly [string, readonly string[]])[] = [
  ["onnx", ["data"]],
  ["xgboost", ["data"]],
  ["lightgbm", ["data"]],
  ["catboost", ["data"]],
  ["sklearn", ["pickled_model", "data"]],
];
const maxShown = 10;

/** Reads the text of an MLmodel file. Never throws: what cannot be read is why there is no model. */
export function readMlflow(text: string): MlflowModel {
  const all = readFlavours(text);
  if (all === undefined) return { why: `${mlflowFileName} is not YAML with 'flavors'` };
  for (const [name, fields] of flavours) {
    const flavour = all[name];
    if (typeof flavour !== "object" || flavour === null) continue;
    const values = fields.map((field) => (flavour as Record<string, unknown>)[field]);
    const file = values.find((value) => typeof value === "string" && value !== "");
    if (typeof file !== "string") {
      return { why: `${mlflowFileName} has the flavour ${name} without '${fields[0]}'` };
    }
    const path = posix.normalize(file);
    const isInside = !path.startsWith("/") && path !== ".." && !path.startsWith("../");
    if (isInside && path !== "." && !path.includes("\0")) return { file: path };
    return { why: `${mlflowFileName} names a file outside of its folder` };
  }
  const seen = Object.keys(all)
    .slice(0, maxShown)
    .map((name) => name.slice(0, 50));
  const known = flavours.map(([name]) => name).join(", ");
  return {
    why: `${mlflowFileName} has the flavours ${seen.join(", ") || "none"}, expected one of ${known}`,
  };
}

function readFlavours(text: string): Readonly<Record<string, unknown>> | undefined {
  // Loaded when the first such file is read: most runtimes see none.
  const { parse } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
  try {
    const document: unknown = parse(text, { maxAliasCount: 0, logLevel: "silent" });
    const found = (document as { flavors?: unknown } | null)?.flavors;
    const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
    return isObject ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
