import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import { sealOf } from "../translation/seal.ts";
import type { Translate } from "./translation.ts";
import type { TranslatorAnswer, TranslatorCall } from "./translator-messages.ts";

/** Longer messages are cut: they reach clients. */
const maxMessage = 1_000;

/** Does what the server asks for in `line`, and returns the line for it. */
export function runTranslator(line: string, translate: Translate): string {
  return `${JSON.stringify(answerOf(line, translate))}\n`;
}

function answerOf(line: string, translate: Translate): TranslatorAnswer {
  try {
    const call = JSON.parse(line) as TranslatorCall;
    const { onnx, splits } = translate(readModel(call), call.options);
    return write(call.output, [onnx, sealOf(onnx, { key: call.key, splits })]);
  } catch (error) {
    const isOutOfMemory = error instanceof RangeError && /allocation failed/i.test(error.message);
    const unknown = isOutOfMemory ? "over-budget" : "load-failed";
    const kind = error instanceof RuntimeError ? error.kind : unknown;
    return { tag: "failed", kind, message: describeError(error, maxMessage) };
  }
}

/** The content that the server has asked about, and no other. */
function readModel({ file, identity, digest }: TranslatorCall): Uint8Array {
  let bytes: Buffer;
  let found: string;
  try {
    const { descriptor } = openRegularFileSync(file);
    try {
      found = fileIdentity(fstatSync(descriptor, { bigint: true }));
      bytes = readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, "the file");
  }
  const isSame = found === identity && createHash("sha256").update(bytes).digest("hex") === digest;
  if (isSame) return bytes;
  throw new RuntimeError("temporarily-unavailable", "the file was changed while it was loaded");
}

function write(output: string, pieces: readonly Uint8Array[]): TranslatorAnswer {
  let isOpen = false;
  try {
    const descriptor = openSync(output, "wx", 0o644);
    isOpen = true;
    let sizeBytes = 0;
    try {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at);
        sizeBytes += piece.length;
      }
    } finally {
      closeSync(descriptor);
    }
    return { tag: "translated", sizeBytes };
  } catch (error) {
    if (isOpen) removeQuietly(output);
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return { tag: "not-written", code, message: describeError(error, maxMessage) };
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The server removes the whole folder later.
  }
}
