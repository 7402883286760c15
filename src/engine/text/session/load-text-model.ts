import { statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { fileIdentity } from "../../../base/files/file-identity.ts";
import type { HostEngine, HostModel } from "../../contract/host-engine.ts";
import { HeldFiles } from "../../onnx/external/held-files.ts";
import { loadOnnxBytes } from "../../onnx/session/load-bytes.ts";
import { heapBytes } from "../../process/memory-counters.ts";
import { readChosenFolder } from "../folder/chosen-folder.ts";
import type { TextFolder } from "../folder/text-folder.ts";
import { buildTextGraph } from "../graph/build-text-graph.ts";
import type { TextGraph } from "../graph/text-graph.ts";
import { openTokenizer } from "../tokens/open-tokenizer.ts";
import type { TextTokenizer } from "../tokens/text-tokenizer.ts";
import { TextModel } from "./text-model.ts";

/** As `HostEngine.load`. Nothing is written: the graph is made in memory, and weights stay in their files. */
export function loadTextModel(
  path: string,
  { threads, access = {}, choices }: Parameters<HostEngine["load"]>[1],
): HostModel {
  const before = heapBytes();
  const folder = readChosenFolder(path, access.roots, choices);
  const seen = folder.files.map(identityOf);
  const graph = buildTextGraph(folder);
  const held = new HeldFiles(access.roots);
  let session: HostModel | undefined;
  try {
    const dataFiles = Object.fromEntries(
      graph.dataFiles.map((file) => [relative(graph.dataFolder, file), file]),
    );
    // Only its directory and its last part matter: where data files are, and what messages say.
    const name = join(graph.dataFolder, basename(path));
    const isMapped = choices?.isMapped === true;
    session = loadOnnxBytes({ bytes: graph.onnx, name, dataFiles, threads, isMapped }, held);
    const { tokenizer, facts, doLowerCase, family } = folder;
    const opened = openTokenizer(tokenizer, { doLowerCase, family });
    checkVocabulary(path, folder, opened);
    const changed = folder.files.find((file, at) => identityOf(file) !== seen[at]);
    if (changed !== undefined) {
      throw new RuntimeError(
        "load-failed",
        `${changed} was changed while the model was loaded: load it again`,
      );
    }
    const terms = { facts, session, tokenizer: opened, graph: withoutBytes(graph) };
    checkNumbers(path, new TextModel({ ...terms, heapBytes: 0 }));
    return new TextModel({ ...terms, heapBytes: Math.max(0, heapBytes() - before) });
  } catch (error) {
    void session?.release();
    throw error;
  } finally {
    held.close();
  }
}

/** The session has made its own of them. */
function withoutBytes({ inputs, output, width }: TextGraph) {
  return { inputs, output, width };
}

function identityOf(file: string): string {
  try {
    return fileIdentity(statSync(file, { bigint: true }));
  } catch (error) {
    throw fromFileError(error, file);
  }
}

/** A token without a row in the table of embeddings would fail the run that it comes in. */
function checkVocabulary(path: string, { config }: TextFolder, tokenizer: TextTokenizer): void {
  const rows = config["vocab_size"];
  if (typeof rows !== "number" || tokenizer.vocabularySize <= rows) return;
  throw new RuntimeError(
    "invalid-argument",
    `${path}: tokenizer.json has ${tokenizer.vocabularySize} tokens, and the model has embeddings for ${rows} ` +
      "(vocab_size in config.json): the tokenizer is that of another model",
  );
}

/** One text tells whether weights are numbers: every layer has a part in the answer. */
function checkNumbers(path: string, model: TextModel): void {
  if (model.isFiniteOn(model.sampleInputs(1))) return;
  throw new RuntimeError(
    "invalid-argument",
    `${path}: the model answers a text with numbers that are not finite, so its weights are damaged or overflow: ` +
      "copy or download them again",
  );
}
