import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { checkFixture } from "../../../support/signing/check-fixture.ts";
import {
  goldenKey,
  goldenSignature,
  goldens,
  putGolden,
} from "../../../support/signing/signed-models.ts";

describe("the check of a signed model", () => {
  const fixture = checkFixture();

  const verified: readonly [signature: string, signer: RegExp][] = [
    ["p256-sha256", /^key p256\.pub \([0-9a-f]{16}\)$/],
    ["p384-blake2b", /^key p384\.pub/],
    ["p521-blake3", /^key p521\.pub/],
    ["shards-sha256", /^key p256\.pub/],
    ["shards-blake2b", /^key p256\.pub/],
    ["shards-whole", /^key p256\.pub/],
    ["allowing-links", /^key p256\.pub/],
    ["certificate-whole", /^certificate CN=Signer of models$/],
    ["certificate-for-code", /^certificate CN=Signer of models$/],
    ["certificate-direct", /^certificate CN=Signer of models$/],
  ];
  for (const [signature, signer] of verified) {
    it(`verifies what the official tool has signed: ${signature}`, () => {
      const found = fixture.verify(fixture.golden(signature));
      assert.equal(found.state, "verified", found.reason);
      assert.match(found.signer, signer);
      assert.equal(found.path, "twice");
      for (const name of ["model.onnx", "modelport.json", "notes/long.txt"]) {
        const [here, there] = [join(fixture.copied(found), name), join(goldens, "model", name)];
        assert.deepEqual(readFileSync(here), readFileSync(there), name);
      }
    });
  }

  it("copies what is listed and nothing else", () => {
    const model = fixture.golden("ignoring-notes");
    mkdirSync(join(model, ".git"));
    writeFileSync(join(model, ".git", "config"), "x");
    const found = fixture.verify(model);
    assert.equal(found.state, "verified", found.reason);
    assert.deepEqual(readdirSync(fixture.copied(found)).sort(), ["model.onnx", "modelport.json"]);
    assert.equal(found.fileCount, 2);
  });

  it("leaves ignored files unchecked, since nobody reads them", () => {
    const model = fixture.golden("ignoring-notes");
    writeFileSync(join(model, "notes", "long.txt"), "other");
    assert.equal(fixture.verify(model).state, "verified");
  });

  const refused: readonly [signature: string, reason: RegExp][] = [
    ["certificate-expired", /expired at 2021-01-01/],
    ["certificate-not-yet-valid", /valid from 2119-01-01/],
    ["certificate-for-servers", /may not sign models: expected digitalSignature/],
    ["certificate-without-usage", /may not sign models: expected digitalSignature/],
    ["certificate-key-agreement", /may not sign models: expected digitalSignature/],
    ["certificate-by-leaf", /leads to no trusted certificate/],
    ["certificate-old-authority", /CN=Test models expired at 2021-01-01/],
    ["certificate-too-deep", /CN=Test models allows 0 authorities below it, not 1/],
    ["certificate-forged", /was not signed with the key of the certificate CN=Test models/],
    ["certificate-strange", /critical extension that is not understood/],
  ];
  for (const [signature, reason] of refused) {
    it(`refuses ${signature}`, () => {
      fixture.refuses(fixture.golden(signature), reason, [goldenKey("root.crt")]);
    });
  }

  it("refuses a certificate of an authority that is not trusted, whatever came with it", () => {
    const reason =
      /leads to no trusted certificate: none of the trusted certificates has issued it/;
    fixture.refuses(fixture.golden("certificate-whole"), reason, [goldenKey("other-root.crt")]);
    const none = /no certificate is trusted/;
    fixture.refuses(join(fixture.root, "twice"), none, [goldenKey("p256.pub")]);
  });

  it("takes an authority that is not its own issuer, if that is trusted", () => {
    const found = fixture.verify(fixture.golden("certificate-whole"), [goldenKey("between.crt")]);
    assert.equal(found.state, "verified", found.reason);
  });

  it("refuses a key that is not trusted", () => {
    const reason = /made with the key [0-9a-f]{16}, which is not among the 1 trusted keys/;
    fixture.refuses(fixture.golden("p256-sha256"), reason, [goldenKey("stranger.pub")]);
  });

  it("refuses everything while nothing is trusted", () => {
    fixture.refuses(fixture.golden("p256-sha256"), /not among the 0 trusted keys/, [
      join(fixture.root, "none.pub"),
    ]);
  });

  for (const signature of ["p256-sha256", "p384-blake2b", "p521-blake3", "shards-sha256"]) {
    it(`refuses changed, longer and shorter files (${signature})`, () => {
      const long = join(fixture.golden(signature), "notes", "long.txt");
      const bytes = readFileSync(long);
      const other = Buffer.from(bytes);
      other[1_500] = (other[1_500] as number) ^ 1;
      writeFileSync(long, other);
      fixture.refuses(
        join(fixture.root, "twice"),
        /notes\/long\.txt is not the file that was signed/,
      );
      assert.equal(existsSync(join(fixture.target, "twice", "notes", "more")), false);
      rmSync(fixture.target, { recursive: true });
      writeFileSync(long, Buffer.concat([bytes, Buffer.from("x")]));
      fixture.refuses(
        join(fixture.root, "twice"),
        /notes\/long\.txt is not the file that was signed/,
      );
      rmSync(fixture.target, { recursive: true });
      truncateSync(long, bytes.length - 1);
      fixture.refuses(
        join(fixture.root, "twice"),
        /notes\/long\.txt is not the file that was signed/,
      );
    });
  }

  it("refuses files that are not listed, and says which", () => {
    const model = fixture.golden("p256-sha256");
    mkdirSync(join(model, "9"));
    for (let at = 0; at < 7; at++) writeFileSync(join(model, "9", `${at}.onnx`), "x");
    fixture.refuses(model, /it does not list 9\/0\.onnx, 9\/1\.onnx, .* and 2 more/);
    fixture.refuses(
      putGolden(join(fixture.root, "fewer"), "fewer-files"),
      /it does not list notes\/long\.txt$/,
    );
    writeFileSync(join(putGolden(join(fixture.root, "hidden"), "p256-sha256"), ".env"), "x");
    fixture.refuses(join(fixture.root, "hidden"), /it does not list \.env$/);
  });

  it("refuses a model that lacks files", () => {
    fixture.refuses(fixture.golden("more-files"), /lacks more\.txt$/);
    const model = putGolden(join(fixture.root, "other"), "p256-sha256");
    renameSync(join(model, "notes", "empty.txt"), join(model, "notes", "renamed.txt"));
    fixture.refuses(model, /it does not list notes\/renamed\.txt; .* lacks notes\/empty\.txt/);
  });

  it("takes shards' word on empty files: they are not part of the model", () => {
    const model = fixture.golden("shards-sha256");
    writeFileSync(join(model, "more.txt"), "");
    assert.equal(fixture.verify(model).state, "verified");
    rmSync(fixture.target, { recursive: true });
    writeFileSync(join(model, "more.txt"), "x");
    fixture.refuses(model, /it does not list more\.txt$/);
  });

  it("refuses links, unless they were allowed; then their targets are checked", () => {
    const model = fixture.golden("p256-sha256");
    const kept = join(fixture.root, "kept.txt");
    renameSync(join(model, "notes", "long.txt"), kept);
    symlinkSync(kept, join(model, "notes", "long.txt"));
    fixture.refuses(model, /long\.txt is a link, but it was made for a model without links/);
    cpSync(goldenSignature("allowing-links"), join(model, "model.sig"));
    const found = fixture.verify(model);
    assert.equal(found.state, "verified", found.reason);
    rmSync(fixture.target, { recursive: true });
    appendFileSync(kept, "x");
    fixture.refuses(model, /notes\/long\.txt is not the file that was signed/);
  });

  it("refuses links out of the model directories, whatever they lead to", () => {
    const model = fixture.golden("allowing-links");
    const outside = join(fixture.folder, "outside.txt");
    renameSync(join(model, "notes", "long.txt"), outside);
    symlinkSync(outside, join(model, "notes", "long.txt"));
    fixture.refuses(model, /leads out of the model directories/);
  });

  it("does not wait for a FIFO, as a signature or among the files", () => {
    const model = fixture.golden("p256-sha256");
    rmSync(join(model, "model.sig"));
    execFileSync("mkfifo", [join(model, "model.sig")]);
    fixture.refuses(model, /model\.sig is a FIFO, expected a regular file/);
    const other = putGolden(join(fixture.root, "other"), "p256-sha256");
    execFileSync("mkfifo", [join(other, "pipe")]);
    fixture.refuses(other, /pipe is a FIFO, expected a file or a folder/);
  });

  it("finds the signature of a single file beside it, and copies that alone", () => {
    const file = join(fixture.root, "twice.onnx");
    cpSync(join(goldens, "model", "model.onnx"), file);
    cpSync(goldenSignature("single-file"), `${file}.sig`);
    writeFileSync(join(fixture.root, "other.onnx"), "another model");
    const found = fixture.verify(file);
    assert.equal(found.state, "verified", found.reason);
    assert.deepEqual(readdirSync(dirname(fixture.copied(found))), ["twice.onnx"]);
  });

  it("finds the signature of a single file where the tool puts it, in the file's folder", () => {
    const model = join(fixture.root, "m");
    mkdirSync(model);
    cpSync(join(goldens, "model", "model.onnx"), join(model, "model.onnx"));
    cpSync(goldenSignature("single-file"), join(model, "model.sig"));
    for (const path of [model, join(model, "model.onnx")]) {
      const found = fixture.verify(path);
      assert.equal(found.state, "verified", found.reason);
      const there = statTree(fixture.target);
      assert.deepEqual(there, ["m/model.onnx"]);
      rmSync(fixture.target, { recursive: true });
    }
    cpSync(join(model, "model.onnx"), join(model, "other.onnx"));
    fixture.refuses(
      join(model, "other.onnx"),
      /it is about model\.onnx alone, not about other\.onnx/,
    );
  });

  it("finds the signature of a folder in it, above it and beside it", () => {
    const model = fixture.golden("p256-sha256");
    assert.equal(fixture.verify(join(model, "model.onnx")).path, "twice/model.onnx");
    rmSync(fixture.target, { recursive: true });
    renameSync(join(model, "model.sig"), join(fixture.root, "twice.sig"));
    assert.equal(fixture.verify(model).path, "twice");
    rmSync(fixture.target, { recursive: true });
    rmSync(join(fixture.root, "twice.sig"));
    const { state, reason } = fixture.verify(model);
    assert.equal(state, "unsigned");
    assert.match(
      reason,
      /there is no signature: expected model\.sig in .*, or twice\.sig beside it/,
    );
  });

  it("never looks for a signature outside of the model directories", () => {
    const model = fixture.golden("p256-sha256");
    renameSync(join(model, "model.sig"), join(fixture.folder, "model.sig"));
    cpSync(join(fixture.folder, "model.sig"), `${fixture.root}.sig`);
    assert.equal(fixture.verify(model).state, "unsigned");
  });

  it("takes a name that is too long for a signature beside it as unsigned", () => {
    const file = join(fixture.root, `${"m".repeat(248)}.onnx`);
    writeFileSync(file, "x");
    assert.equal(fixture.verify(file).state, "unsigned");
  });

  it("follows a link to the model, and finds what lies beside either", () => {
    const model = fixture.golden("p256-sha256");
    symlinkSync(model, join(fixture.root, "current"));
    const found = fixture.verify(join(fixture.root, "current"));
    assert.equal(found.state, "verified", found.reason);
    assert.equal(basename(found.path ?? ""), "current");
  });

  it("stops where it is when it is cancelled", () => {
    const model = fixture.golden("p256-sha256");
    const cancel = Int32Array.of(1);
    assert.throws(() => fixture.verify(model, undefined, { cancel }), { kind: "cancelled" });
  });

  it("links files that are its own instead of copying them, unless others may write to them", () => {
    const model = fixture.golden("p256-sha256");
    const inode = (path: string) => execFileSync("stat", ["-c", "%i", path]).toString();
    execFileSync("chmod", ["0666", join(model, "modelport.json")]);
    const found = fixture.verify(model, undefined, { isOwn: true });
    assert.equal(found.state, "verified", found.reason);
    const isSame = (name: string) =>
      inode(join(model, name)) === inode(join(fixture.copied(found), name));
    assert.equal(isSame("model.onnx"), true);
    assert.equal(isSame("modelport.json"), false);
  });
});

function statTree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
