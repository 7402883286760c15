import { closeSync, existsSync, readSync, statfsSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import { SafePath } from "../../base/files/safe-path.ts";
import type { Verification, VerifyCall } from "../contract/signing-messages.ts";
import { compareFiles } from "./compare-files.ts";
import { copySigned, makeCopyFolder } from "./copy-file.ts";
import { type FoundSignature, findSignature } from "./find-signature.ts";
import { readBundle } from "./read-bundle.ts";
import { readStatement, type SignedModel } from "./read-statement.ts";
import { type SignedSubject, subjectOf } from "./signed-subject.ts";
import type { TrustedKeys } from "./trusted-keys.ts";
import { verifyEnvelope } from "./verify-envelope.ts";

/** That of a model with 60,000 files. */
const maxSignatureBytes = 16 * 1024 * 1024;

/** Checks the signature of a model and copies what it lists. What is wrong with the signature or the files is in the
 *  result. Throws RuntimeErrors of other kinds than "failed-precondition" and "invalid-argument" if nothing can be said
 *  now, or "cancelled". What was copied by then stays. Blocks. */
export function verifyModel(call: VerifyCall, trustedKeys: TrustedKeys): Verification {
  const { problems, ...trust } = trustedKeys.read(call.trusted);
  const none = { signer: "", fileCount: 0, sizeBytes: 0, problems };
  const found = findSignature(call.place);
  if (found === undefined) {
    const reason = `there is no signature: expected model.sig in ${call.place.name}, or ${basename(call.place.path)}.sig beside it`;
    return { state: "unsigned", reason, ...none };
  }
  try {
    const bundle = readBundle(readSignature(found.file, new SafePath(call.place.roots)));
    // Before anything else of it is believed.
    const signer = verifyEnvelope(bundle, trust, new Date());
    const signed = readStatement(bundle.payload);
    const subject = subjectOf(found, signed);
    return {
      state: "verified",
      reason: "",
      problems,
      signer,
      ...copyModel(call, found, signed, subject),
    };
  } catch (error) {
    const isRefusal =
      error instanceof RuntimeError &&
      (error.kind === "failed-precondition" || error.kind === "invalid-argument");
    if (!isRefusal) throw error;
    return { state: "refused", reason: `signature ${found.file}: ${error.message}`, ...none };
  }
}

function readSignature(path: string, safePath: SafePath): string {
  const { descriptor } = openSignature(safePath.follow(path));
  try {
    const pieces: Buffer[] = [];
    let sum = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(64 * 1024);
      const length = readSync(descriptor, piece, 0, piece.length, null);
      if (length === 0) return Buffer.concat(pieces).toString("utf8");
      sum += length;
      if (sum > maxSignatureBytes) {
        const message = `it has more than ${maxSignatureBytes} bytes`;
        throw new RuntimeError("invalid-argument", message);
      }
      pieces.push(piece.subarray(0, length));
    }
  } finally {
    closeSync(descriptor);
  }
}

function openSignature(path: string): { readonly descriptor: number } {
  try {
    const opened = openRegularFileSync(path);
    if (opened.sizeBytes <= maxSignatureBytes) return opened;
    closeSync(opened.descriptor);
    const message = `it has ${opened.sizeBytes} bytes, expected at most ${maxSignatureBytes}`;
    throw new RuntimeError("invalid-argument", message);
  } catch (error) {
    throw fromFileError(error, path);
  }
}

type Copied = Required<Pick<Verification, "path" | "fileCount" | "sizeBytes">>;

function copyModel(
  call: VerifyCall,
  found: FoundSignature,
  signed: SignedModel,
  subject: SignedSubject,
): Copied {
  const { folder, files, isSingleFile } = subject;
  const stopIfCancelled = () => {
    if (Atomics.load(call.cancel, 0) !== 0) {
      throw new RuntimeError("cancelled", "the check of the signature was cancelled");
    }
  };
  if (!isSingleFile) {
    const signature = relative(folder, found.file);
    compareFiles({ folder, signed, signature, onEntry: stopIfCancelled });
  }
  // The copy has the folder's name: a model may be called like that.
  const target = join(call.target, basename(folder) || "model");
  makeCopyFolder(target);
  if (!call.isOwn) refuseWithoutRoom(folder, files.keys(), target);
  const options = {
    mayLink: call.isOwn,
    safePath: signed.allowsLinks ? new SafePath(call.place.roots) : undefined,
    onPiece: stopIfCancelled,
  };
  let sizeBytes = 0;
  for (const [name, parts] of files) {
    stopIfCancelled();
    const [from, to] = [join(folder, name), join(target, name)];
    sizeBytes += copySigned({ from, to, name, digestName: signed.digestName, parts }, options);
  }
  const path = join(basename(target), subject.path);
  if (!existsSync(join(call.target, path))) {
    const message = `it does not list ${subject.path}`;
    throw new RuntimeError("failed-precondition", message);
  }
  return { path, fileCount: files.size, sizeBytes };
}

/** Better than to fill the disk, which others need too. */
function refuseWithoutRoom(folder: string, names: Iterable<string>, target: string): void {
  let neededBytes = 0;
  for (const name of names) {
    neededBytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  const { bavail, bsize } = statfsSync(target);
  if (neededBytes <= bavail * bsize) return;
  throw new RuntimeError(
    "over-budget",
    `the disk for verified copies has ${bavail * bsize} bytes free in ${target}, expected ${neededBytes} (MODEL_SIGNING_DIR)`,
  );
}
