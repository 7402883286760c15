import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { TrustedKeys } from "../../../src/signing/check/trusted-keys.ts";
import { verifyModel } from "../../../src/signing/check/verify-model.ts";
import type { Verification, VerifyCall } from "../../../src/signing/contract/signing-messages.ts";
import { goldens, putGolden } from "./signed-models.ts";

/** Folders for the checks of one test, and the checks. */
export interface CheckFixture {
  /** Outside of the model directories. */
  readonly folder: string;
  /** The model directory. */
  readonly root: string;
  /** Where copies go. */
  readonly target: string;
  /** Puts the model of the goldens into the model directory, with this signature, and returns its path. */
  golden(signature: string): string;
  /** `trusted`: default: all keys and certificates of the goldens. */
  verify(path: string, trusted?: readonly string[], more?: Partial<VerifyCall>): Verification;
  /** Asserts that the model is refused for this reason. */
  refuses(path: string, reason: RegExp, trusted?: readonly string[]): void;
  /** The path of a copy. */
  copied(found: Verification): string;
}

/** Call it in a `describe`. */
export function checkFixture(): CheckFixture {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "modelport-signing-"));
    mkdirSync(join(folder, "models"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
    get root() {
      return join(folder, "models");
    },
    get target() {
      return join(folder, "copy");
    },
    golden(signature) {
      return putGolden(join(this.root, "twice"), signature);
    },
    verify(path, trusted = [join(goldens, "keys")], more = {}) {
      const place = { path, name: path, roots: [this.root] };
      const cancel = new Int32Array(1);
      const call = { place, trusted, target: this.target, isOwn: false, cancel, ...more };
      return verifyModel({ task: "verify", ...call }, new TrustedKeys());
    },
    refuses(path, reason, trusted) {
      const found = this.verify(path, trusted);
      assert.equal(found.state, "refused", found.reason);
      assert.match(found.reason, reason);
      assert.equal(found.path, undefined);
    },
    copied(found) {
      return join(this.target, found.path ?? "missing");
    },
  };
}
