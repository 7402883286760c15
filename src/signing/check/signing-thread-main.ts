import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort } from "node:worker_threads";
import { describeError, RuntimeError } from "../../base/errors.ts";
import type {
  SigningAnswer,
  SigningCall,
  TrustReport,
  Verification,
} from "../contract/signing-messages.ts";
import { TrustedKeys } from "./trusted-keys.ts";
import { verifyModel } from "./verify-model.ts";

// Entry point of a thread that checks signatures. It answers one call at a time.

if (parentPort === null) throw new Error("this is the entry of a worker thread");
const server = parentPort;
const trustedKeys = new TrustedKeys();
standBack();
server.on("message", (call: SigningCall) => server.postMessage(answerTo(call)));

/** Hashes can wait for answers to clients. Linux has a priority per thread. */
function standBack(): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), 5);
  } catch {}
}

function answerTo(call: SigningCall): SigningAnswer {
  try {
    return { number: call.number, result: resultOf(call) };
  } catch (error) {
    const kind = error instanceof RuntimeError ? error.kind : undefined;
    return { number: call.number, failure: { kind, message: describeError(error, 2_000) } };
  }
}

function resultOf(call: SigningCall): Verification | TrustReport {
  if (call.task === "verify") return verifyModel(call, trustedKeys);
  const { keys, anchors, problems } = trustedKeys.read(call.trusted);
  return { keyCount: keys.length, certificateCount: anchors.length, problems };
}
