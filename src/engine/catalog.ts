import { RuntimeError } from "../base/errors.ts";
import type { ModelNames } from "../models/names.ts";
import { textNames } from "../models/text-names.ts";
import type { EngineFormat, ModelFormat, TranslatedFormat } from "./contract/model-format.ts";
import { joinedTextBytes } from "./text/items/run-terms.ts";
import { treeFormats } from "./translation/tree-formats.ts";

// Imported only where models are inspected: hosts start often and do without. Kept, since even a repeated
// import costs more than the rest of inspecting a small model.
let inspectOnnx: typeof import("./onnx/memory/footprint.ts").inspectOnnxFile | undefined;

async function importInspector(): Promise<NonNullable<typeof inspectOnnx>> {
  inspectOnnx ??= (await import("./onnx/memory/footprint.ts")).inspectOnnxFile;
  return inspectOnnx;
}

const onnx: EngineFormat = {
  name: "onnx",
  aliases: ["onnxruntime", "onnx_onnxv1"],
  files: { extensions: [".onnx"] },
  platform: "onnx_onnxv1",
  inspect: async (file, options) =>
    await (inspectOnnx ?? (await importInspector()))(file, options?.dataFolder),
  tabulateRuns: async (file, options) =>
    await (await import("./onnx/memory/footprint.ts")).tabulateOnnxFile(file, options?.dataFolder),
  prepareToInspect: async () => void (await importInspector()),
  // Half-precision weights become FP32 in memory; the file's structure is unknown here.
  predictBytes: (diskBytes) => 2 * diskBytes + 256 * 1024,
  importEngine: async () => (await import("./onnx/session/onnx-engine.ts")).onnxEngine,
};

const huggingFace: EngineFormat = {
  name: "huggingface",
  aliases: [
    "sentence-transformers",
    "sentence_transformers",
    "transformers",
    "caikit",
    "text",
    "huggingface_huggingface",
  ],
  files: textNames,
  platform: "huggingface_huggingface",
  inspect: async (folder, options) =>
    await (await import("./text/memory/inspect-text.ts")).inspectTextFolder(folder, options),
  tabulateRuns: async (folder, options) =>
    await (await import("./text/memory/inspect-text.ts")).tabulateTextFolder(folder, options),
  prepareToInspect: async () => void (await import("./text/memory/inspect-text.ts")),
  // Half-precision weights become FP32 in memory, and the tokenizer takes some megabytes.
  predictBytes: (diskBytes) => 2 * diskBytes + 32 * 1024 * 1024,
  importEngine: async () => (await import("./text/session/text-engine.ts")).textEngine,
  joinedBytes: joinedTextBytes,
};

/** The formats that hosts have engines for. */
export const engineFormats: readonly EngineFormat[] = [onnx, huggingFace];

export const modelFormats: readonly ModelFormat[] = [onnx, ...treeFormats, huggingFace];

/** Which files are models if no format was named: those of later kinds count only where there are none of earlier
 *  ones. A text model may have an ONNX file in its folder, and what a folder holds beside an ONNX file is never in
 *  the way. */
export const modelKinds: readonly ModelNames[] = [
  huggingFace.files,
  onnx.files,
  ...(treeFormats.length === 0 ? [] : [together(treeFormats.map(({ files }) => files))]),
];

function together(kinds: readonly ModelNames[]): ModelNames {
  const all = (of: (kind: ModelNames) => readonly string[]) => [...new Set(kinds.flatMap(of))];
  return {
    extensions: all(({ extensions }) => extensions),
    usual: all(({ usual = [] }) => usual),
    doubtful: all(({ doubtful = [] }) => doubtful),
    recognises: (head) => kinds.some(({ recognises }) => recognises?.(head) === true),
  };
}

/** The translated format of a file that begins with `head`. Undefined if it is none of them. */
export function recogniseFormat(head: Uint8Array): TranslatedFormat | undefined {
  return treeFormats.find(({ files }) => files.recognises?.(head) === true);
}

/** The format with this name or alias, in any case. */
export function findFormat(name: string): ModelFormat | undefined {
  const wanted = name.trim().toLowerCase();
  return modelFormats.find((format) => format.name === wanted || format.aliases.includes(wanted));
}

/** As `findFormat`; throws "invalid-argument" if there is none. */
export function knownFormat(name: string): ModelFormat {
  const format = findFormat(name);
  if (format !== undefined) return format;
  const known = modelFormats.map((each) => each.name).join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `unknown model format '${name}': expected one of ${known}`,
  );
}

/** The engine's format of this name. */
export function engineFormat(name: string): EngineFormat {
  const format = engineFormats.find((each) => each.name === name);
  if (format === undefined) throw new Error(`no engine for '${name}'`);
  return format;
}
