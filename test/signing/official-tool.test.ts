import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { TrustedKeys } from "../../src/signing/check/trusted-keys.ts";
import { verifyModel } from "../../src/signing/check/verify-model.ts";
import { fuzzRandom } from "../support/attacks/fuzz-seed.ts";
import type { Random } from "../support/attacks/mutate.ts";
import { projectRoot } from "../support/servers/served.ts";

// The tool takes 95 MB with what it needs, so CI has its signatures alone: test/fixtures/signing.
const python = process.env["MODELPORT_SIGNING_PYTHON"];
const skip = python === undefined && "MODELPORT_SIGNING_PYTHON names no Python with model-signing";

const folders = 40;
const names = ["a.onnx", "b b.bin", "ü.txt", ".hidden", "d/e.json", "d/f/g", "h/.i", "j.sig"];

interface Asked {
  readonly model: string;
  readonly key: string;
  readonly signature: string;
  readonly method: string;
  readonly algorithm: string;
  readonly shard: number;
  readonly links: boolean;
  readonly ignored: readonly string[];
}

describe("signatures of random folders by the official tool", { skip }, () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "modelport-tool-"));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Writes a folder and returns how it is to be signed, and its files that count. */
  function make(random: Random, at: number, key: string): Asked & { readonly files: string[] } {
    const model = join(root, `model-${at}`);
    const links = random.below(3) === 0;
    const files = names.filter(() => random.below(3) > 0);
    for (const name of files) {
      mkdirSync(dirname(join(model, name)), { recursive: true });
      writeFileSync(join(model, name), bytesOf(random));
    }
    mkdirSync(model, { recursive: true });
    if (links && files[0] !== undefined) symlinkSync(files[0], join(model, "link"));
    const ignored = random.below(2) === 0 ? ["d", "not-there"] : [];
    return {
      model,
      key,
      signature: join(model, "model.sig"),
      method: random.pick(["files", "shards"]),
      algorithm: random.pick(["sha256", "blake2", "blake3"]),
      shard: 1 + random.below(3_000),
      links,
      ignored,
      files: files.filter((name) => ignored.length === 0 || !name.startsWith("d/")),
    };
  }

  it("are verified, and no longer after a change", (t) => {
    const random = fuzzRandom(t);
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const [secret, trusted] = [join(root, "key.pem"), join(root, "key.pub")];
    writeFileSync(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(trusted, publicKey.export({ type: "spki", format: "pem" }));
    const asked = Array.from({ length: folders }, (_, at) => make(random, at, secret));
    const script = join(projectRoot, "test/signing/sign-random.py");
    const input = asked.map((each) => JSON.stringify(each)).join("\n");
    const { status, stderr } = spawnSync(python ?? "", [script], { input, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const look = (path: string) => {
      const target = join(root, "copy");
      rmSync(target, { recursive: true, force: true });
      const place = { path, name: path, roots: [root] };
      const call = { place, trusted: [trusted], target, isOwn: false, cancel: new Int32Array(1) };
      return verifyModel({ task: "verify", ...call }, new TrustedKeys());
    };
    for (const { model, files, ...how } of asked) {
      const found = look(model);
      const what = JSON.stringify({ ...how, files });
      // The tool signs nothing as nothing; there is no model in it.
      assert.equal(found.state, "verified", `${found.reason} ${what}`);
      const [changed] = files;
      if (changed === undefined) continue;
      appendFileSync(join(model, changed), "x");
      assert.equal(look(model).state, "refused", what);
    }
  });
});

function bytesOf(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(5_000) }, () => random.below(256));
}
