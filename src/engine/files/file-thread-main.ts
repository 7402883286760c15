import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { modelFormats } from "../catalog.ts";
import {
  checkTranslated,
  digestFile,
  linkEntry,
  type TranslatedFile,
} from "../translation/translation-files.ts";
import type { FileThreadAnswer, FileThreadCall, FileThreadSetup } from "./file-thread-messages.ts";
import { findModel, inspectFile, tabulateRuns } from "./model-files.ts";

// Entry point of a file thread. It answers calls in the order in which they arrived.

if (parentPort === null) throw new Error("this is the entry of a worker thread");
const server = parentPort;
standBack(workerData as FileThreadSetup);
server.on("message", (call: FileThreadCall) => void answer(call));
// A failed import is tried again when it is needed, and then reports why.
for (const format of modelFormats) format.prepareToInspect().catch(() => {});

/** Linux has a priority per thread. Where it cannot be set, this thread runs at normal priority. */
function standBack({ niceness }: FileThreadSetup): void {
  if (niceness === 0) return;
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), niceness);
  } catch {}
}

async function answer(call: FileThreadCall): Promise<void> {
  let message: FileThreadAnswer;
  try {
    message = { number: call.number, result: await resultOf(call) };
  } catch (error) {
    const kind = error instanceof RuntimeError ? error.kind : undefined;
    message = { number: call.number, failure: { kind, message: describeError(error, 2_000) } };
  }
  server.postMessage(message);
}

async function resultOf(call: FileThreadCall): Promise<unknown> {
  switch (call.task) {
    case "find":
      return await findModel(call.place);
    case "inspect":
      return await inspectFile(call.model);
    case "tabulate":
      return await tabulateRuns(call.model);
    case "digest":
      return digestFile(call.file);
    case "check-translated":
      return await wholeTranslation(call.file, call.key);
    case "take-translated": {
      const { link, key } = call;
      return linkEntry(link) ? await wholeTranslation(link.path, key) : "missing";
    }
  }
}

async function wholeTranslation(file: string, key: string): Promise<TranslatedFile | undefined> {
  const whole = checkTranslated(file, key);
  if (whole === undefined) return undefined;
  return { ...whole, inspected: await inspectFile({ format: "onnx", file }) };
}
