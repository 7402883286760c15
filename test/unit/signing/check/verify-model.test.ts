import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { TrustedKeys } from "../../../../src/signing/check/trusted-keys.ts";
import { verifyModel } from "../../../../src/signing/check/verify-model.ts";
import type {
  Verification,
  VerifyCall,
} from "../../../../src/signing/contract/signing-messages.ts";
import {
  goldenKey,
  goldenSignature,
  goldens,
  putGolden,
  rehash,
  TestSigner,
} from "../../../support/signing/signed-models.ts";

describe("the check of a signature", () => {
  let folder = "";
  let root = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "modelport-signing-"));
    root = join(folder, "models");
    mkdirSync(root);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const target = () => join(folder, "copy");
  const everyKey = () => [join(goldens, "keys")];
  function verify(
    path: string,
    trusted = everyKey(),
    more: Partial<VerifyCall> = {},
  ): Verification {
    const place = { path, name: path, roots: [root] };
    const cancel = new Int32Array(1);
    const call: VerifyCall = {
      task: "verify",
      place,
      trusted,
      target: target(),
      isOwn: false,
      cancel,
      ...more,
    };
    return verifyModel(call, new TrustedKeys());
  }
  const golden = (signature: string) => putGolden(join(root, "twice"), signature);
  function refuses(path: string, reason: RegExp, trusted = everyKey()): void {
    const found = verify(path, trusted);
    assert.equal(found.state, "refused", found.reason);
    assert.match(found.reason, reason);
    assert.equal(found.path, undefined);
  }
  const copied = (found: Verification) => join(target(), found.path ?? "missing");

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
      const found = verify(golden(signature));
      assert.equal(found.state, "verified", found.reason);
      assert.match(found.signer, signer);
      assert.equal(found.path, "twice");
      for (const name of ["model.onnx", "modelport.json", "notes/long.txt"]) {
        const [here, there] = [join(copied(found), name), join(goldens, "model", name)];
        assert.deepEqual(readFileSync(here), readFileSync(there), name);
      }
    });
  }

  it("copies what is listed and nothing else", () => {
    const model = golden("ignoring-notes");
    mkdirSync(join(model, ".git"));
    writeFileSync(join(model, ".git", "config"), "x");
    const found = verify(model);
    assert.equal(found.state, "verified", found.reason);
    assert.deepEqual(readdirSync(copied(found)).sort(), ["model.onnx", "modelport.json"]);
    assert.equal(found.fileCount, 2);
  });

  it("leaves ignored files unchecked, since nobody reads them", () => {
    const model = golden("ignoring-notes");
    writeFileSync(join(model, "notes", "long.txt"), "other");
    assert.equal(verify(model).state, "verified");
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
      refuses(golden(signature), reason, [goldenKey("root.crt")]);
    });
  }

  it("refuses a certificate of an authority that is not trusted, whatever came with it", () => {
    const reason =
      /leads to no trusted certificate: none of the trusted certificates has issued it/;
    refuses(golden("certificate-whole"), reason, [goldenKey("other-root.crt")]);
    const none = /no certificate is trusted/;
    refuses(join(root, "twice"), none, [goldenKey("p256.pub")]);
  });

  it("takes an authority that is not its own issuer, if that is trusted", () => {
    const found = verify(golden("certificate-whole"), [goldenKey("between.crt")]);
    assert.equal(found.state, "verified", found.reason);
  });

  it("refuses a key that is not trusted", () => {
    const reason = /made with the key [0-9a-f]{16}, which is not among the 1 trusted keys/;
    refuses(golden("p256-sha256"), reason, [goldenKey("stranger.pub")]);
  });

  it("refuses everything while nothing is trusted", () => {
    refuses(golden("p256-sha256"), /not among the 0 trusted keys/, [join(root, "none.pub")]);
  });

  for (const signature of ["p256-sha256", "p384-blake2b", "p521-blake3", "shards-sha256"]) {
    it(`refuses changed, longer and shorter files (${signature})`, () => {
      const long = join(golden(signature), "notes", "long.txt");
      const bytes = readFileSync(long);
      const other = Buffer.from(bytes);
      other[1_500] = (other[1_500] as number) ^ 1;
      writeFileSync(long, other);
      refuses(join(root, "twice"), /notes\/long\.txt is not the file that was signed/);
      assert.equal(existsSync(join(target(), "twice", "notes", "more")), false);
      rmSync(target(), { recursive: true });
      writeFileSync(long, Buffer.concat([bytes, Buffer.from("x")]));
      refuses(join(root, "twice"), /notes\/long\.txt is not the file that was signed/);
      rmSync(target(), { recursive: true });
      truncateSync(long, bytes.length - 1);
      refuses(join(root, "twice"), /notes\/long\.txt is not the file that was signed/);
    });
  }

  it("refuses files that are not listed, and says which", () => {
    const model = golden("p256-sha256");
    mkdirSync(join(model, "9"));
    for (let at = 0; at < 7; at++) writeFileSync(join(model, "9", `${at}.onnx`), "x");
    refuses(model, /it does not list 9\/0\.onnx, 9\/1\.onnx, .* and 2 more/);
    refuses(putGolden(join(root, "fewer"), "fewer-files"), /it does not list notes\/long\.txt$/);
    writeFileSync(join(putGolden(join(root, "hidden"), "p256-sha256"), ".env"), "x");
    refuses(join(root, "hidden"), /it does not list \.env$/);
  });

  it("refuses a model that lacks files", () => {
    refuses(golden("more-files"), /lacks more\.txt$/);
    const model = putGolden(join(root, "other"), "p256-sha256");
    renameSync(join(model, "notes", "empty.txt"), join(model, "notes", "renamed.txt"));
    refuses(model, /it does not list notes\/renamed\.txt; .* lacks notes\/empty\.txt/);
  });

  it("takes shards' word on empty files: they are not part of the model", () => {
    const model = golden("shards-sha256");
    writeFileSync(join(model, "more.txt"), "");
    assert.equal(verify(model).state, "verified");
    rmSync(target(), { recursive: true });
    writeFileSync(join(model, "more.txt"), "x");
    refuses(model, /it does not list more\.txt$/);
  });

  it("refuses links, unless they were allowed; then their targets are checked", () => {
    const model = golden("p256-sha256");
    const kept = join(root, "kept.txt");
    renameSync(join(model, "notes", "long.txt"), kept);
    symlinkSync(kept, join(model, "notes", "long.txt"));
    refuses(model, /long\.txt is a link, but it was made for a model without links/);
    cpSync(goldenSignature("allowing-links"), join(model, "model.sig"));
    const found = verify(model);
    assert.equal(found.state, "verified", found.reason);
    rmSync(target(), { recursive: true });
    appendFileSync(kept, "x");
    refuses(model, /notes\/long\.txt is not the file that was signed/);
  });

  it("refuses links out of the model directories, whatever they lead to", () => {
    const model = golden("allowing-links");
    const outside = join(folder, "outside.txt");
    renameSync(join(model, "notes", "long.txt"), outside);
    symlinkSync(outside, join(model, "notes", "long.txt"));
    refuses(model, /leads out of the model directories/);
  });

  it("does not wait for a FIFO, as a signature or among the files", () => {
    const model = golden("p256-sha256");
    rmSync(join(model, "model.sig"));
    execFileSync("mkfifo", [join(model, "model.sig")]);
    refuses(model, /model\.sig is a FIFO, expected a regular file/);
    const other = putGolden(join(root, "other"), "p256-sha256");
    execFileSync("mkfifo", [join(other, "pipe")]);
    refuses(other, /pipe is a FIFO, expected a file or a folder/);
  });

  it("refuses a huge signature without reading it", () => {
    const file = join(golden("p256-sha256"), "model.sig");
    truncateSync(file, 2 ** 40);
    refuses(dirname(file), /has 1099511627776 bytes, expected at most 16777216/);
  });

  it("refuses every signature that is cut off", () => {
    const file = join(golden("p256-sha256"), "model.sig");
    const text = readFileSync(file, "utf8").trimEnd();
    for (let length = 0; length < text.length; length += 13) {
      writeFileSync(file, text.slice(0, length));
      refuses(dirname(file), /the bundle is not valid JSON/);
    }
  });

  it("refuses a signature of which any character of the payload or of the signature was changed", () => {
    const file = join(golden("p256-sha256"), "model.sig");
    const bundle = JSON.parse(readFileSync(file, "utf8"));
    const { payload } = bundle.dsseEnvelope;
    const [signature] = bundle.dsseEnvelope.signatures;
    const { sig } = signature;
    const swap = (text: string, at: number) =>
      `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    const write = () => writeFileSync(file, JSON.stringify(bundle));
    // The last characters of base64 have bits that mean nothing.
    for (let at = 0; at < payload.length - 4; at += 29) {
      bundle.dsseEnvelope.payload = swap(payload, at);
      write();
      refuses(dirname(file), /or its payload was changed/);
    }
    bundle.dsseEnvelope.payload = payload;
    for (let at = 0; at < sig.length - 4; at++) {
      signature.sig = swap(sig, at);
      write();
      refuses(dirname(file), /or its payload was changed/);
    }
  });

  const strange: readonly [what: string, change: (bundle: Bundle) => void, reason: RegExp][] = [
    [
      "another media type",
      (b) => Object.assign(b, { mediaType: "text/plain" }),
      /mediaType is 'text\/plain'/,
    ],
    [
      "no envelope",
      (b) => Object.assign(b, { dsseEnvelope: undefined }),
      /dsseEnvelope is not an object/,
    ],
    [
      "another type of payload",
      (b) => Object.assign(b.dsseEnvelope, { payloadType: "x" }),
      /payloadType is 'x'/,
    ],
    [
      "no signature",
      (b) => Object.assign(b.dsseEnvelope, { signatures: [] }),
      /has 0 elements, expected one/,
    ],
    ["two signatures", (b) => b.dsseEnvelope.signatures.push({}), /has 2 elements, expected one/],
    ["no base64", (b) => Object.assign(b.dsseEnvelope, { payload: "§" }), /payload is not base64/],
    [
      "no material",
      (b) => Object.assign(b, { verificationMaterial: {} }),
      /x509CertificateChain is not an object/,
    ],
    [
      "no certificate",
      (b) => Object.assign(b, { verificationMaterial: { certificate: { rawBytes: "AAAA" } } }),
      /is not a certificate/,
    ],
  ];
  for (const [what, change, reason] of strange) {
    it(`refuses a bundle with ${what}`, () => {
      const file = join(golden("p256-sha256"), "model.sig");
      const bundle = JSON.parse(readFileSync(file, "utf8"));
      change(bundle);
      writeFileSync(file, JSON.stringify(bundle));
      refuses(dirname(file), reason);
    });
  }

  const files = ["model.onnx", "modelport.json", "notes/empty.txt", "notes/long.txt"];
  const liars: readonly [what: string, change: (statement: Statement) => void, reason: RegExp][] = [
    [
      "a wrong subject digest",
      (s) => set(s.subject[0]?.digest, { sha256: "00" }),
      /subject\[0\]\.digest\.sha256 is not/,
    ],
    ["two subjects", (s) => s.subject.push({ digest: {} }), /subject has 2 elements/],
    ["another statement", (s) => set(s, { _type: "x" }), /_type is 'x'/],
    ["another predicate", (s) => set(s, { predicateType: "x" }), /predicateType is 'x'/],
    [
      "the predicate of an old release",
      (s) => set(s, { predicateType: "https://model_signing/Digests/v0.1" }),
      /before 1\.0: sign it again/,
    ],
    [
      "an unknown digest",
      (s) => set(s.predicate.serialization, { hash_type: "md5" }),
      /hash_type is not one of sha256/,
    ],
    [
      "an unknown method",
      (s) => set(s.predicate.serialization, { method: "x" }),
      /neither 'files' nor 'shards'/,
    ],
    [
      "no word on links",
      (s) => set(s.predicate.serialization, { allow_symlinks: "no" }),
      /allow_symlinks/,
    ],
    [
      "another algorithm",
      (s) => set(s.predicate.resources[0], { algorithm: "md5" }),
      /algorithm is 'md5', expected 'sha256'/,
    ],
    [
      "a short digest",
      (s) => set(s.predicate.resources[0], { digest: "00" }),
      /does not have 32 bytes in hex/,
    ],
    [
      "a path out",
      (s) => set(s.predicate.resources[0], { name: "../x" }),
      /names '\.\.\/x', expected a path below/,
    ],
    [
      "an absolute path",
      (s) => set(s.predicate.resources[0], { name: "/etc/passwd" }),
      /expected a path below/,
    ],
    [
      "a file twice",
      (s) => set(s.predicate.resources[1], { name: "model.onnx" }),
      /names 'model\.onnx' twice/,
    ],
  ];
  for (const [what, change, reason] of liars) {
    it(`refuses a statement with ${what}, whoever has signed it`, () => {
      const signer = new TestSigner();
      const model = golden("p256-sha256");
      const key = signer.writeKey(join(folder, "own.pub"));
      const write = (text: string) => writeFileSync(join(model, "model.sig"), text);
      write(signer.sign(model, files));
      assert.equal(verify(model, [key]).state, "verified");
      rmSync(target(), { recursive: true });
      write(signer.sign(model, files, (statement) => change(statement as unknown as Statement)));
      refuses(model, reason, [key]);
    });
  }

  it("refuses shards with a gap, an overlap or a wrong length", () => {
    const signer = new TestSigner();
    const model = golden("p256-sha256");
    const key = signer.writeKey(join(folder, "own.pub"));
    const shards = (...ends: [start: number, end: number][]) =>
      signer.sign(model, ["model.onnx"], (statement) => {
        const { predicate } = statement as unknown as Statement;
        const [resource] = predicate.resources;
        set(predicate.serialization, { method: "shards", shard_size: 50 });
        const parts = ends.map(([start, end]) => ({
          ...resource,
          algorithm: "sha256-sharded-50",
          name: `model.onnx:${start}:${end}`,
        }));
        predicate.resources.splice(0, 1, ...parts);
        rehash(statement);
      });
    for (const ends of [
      [
        [0, 50],
        [51, 77],
      ],
      [
        [0, 50],
        [49, 77],
      ],
      [
        [0, 40],
        [40, 77],
      ],
      [[0, 77]],
      [[50, 77]],
    ] as [number, number][][]) {
      writeFileSync(join(model, "model.sig"), shards(...ends));
      refuses(model, /the shards of 'model\.onnx' do not follow each other/, [key]);
    }
  });

  it("finds the signature of a single file beside it, and copies that alone", () => {
    const file = join(root, "twice.onnx");
    cpSync(join(goldens, "model", "model.onnx"), file);
    cpSync(goldenSignature("single-file"), `${file}.sig`);
    writeFileSync(join(root, "other.onnx"), "another model");
    const found = verify(file);
    assert.equal(found.state, "verified", found.reason);
    assert.deepEqual(readdirSync(dirname(copied(found))), ["twice.onnx"]);
  });

  it("finds the signature of a single file where the tool puts it, in the file's folder", () => {
    const model = join(root, "m");
    mkdirSync(model);
    cpSync(join(goldens, "model", "model.onnx"), join(model, "model.onnx"));
    cpSync(goldenSignature("single-file"), join(model, "model.sig"));
    for (const path of [model, join(model, "model.onnx")]) {
      const found = verify(path);
      assert.equal(found.state, "verified", found.reason);
      const there = statTree(target());
      assert.deepEqual(there, ["m/model.onnx"]);
      rmSync(target(), { recursive: true });
    }
    cpSync(join(model, "model.onnx"), join(model, "other.onnx"));
    refuses(join(model, "other.onnx"), /it is about model\.onnx alone, not about other\.onnx/);
  });

  it("finds the signature of a folder in it, above it and beside it", () => {
    const model = golden("p256-sha256");
    assert.equal(verify(join(model, "model.onnx")).path, "twice/model.onnx");
    rmSync(target(), { recursive: true });
    renameSync(join(model, "model.sig"), join(root, "twice.sig"));
    assert.equal(verify(model).path, "twice");
    rmSync(target(), { recursive: true });
    rmSync(join(root, "twice.sig"));
    const { state, reason } = verify(model);
    assert.equal(state, "unsigned");
    assert.match(
      reason,
      /there is no signature: expected model\.sig in .*, or twice\.sig beside it/,
    );
  });

  it("never looks for a signature outside of the model directories", () => {
    const model = golden("p256-sha256");
    renameSync(join(model, "model.sig"), join(folder, "model.sig"));
    cpSync(join(folder, "model.sig"), `${root}.sig`);
    assert.equal(verify(model).state, "unsigned");
  });

  it("takes a name that is too long for a signature beside it as unsigned", () => {
    const file = join(root, `${"m".repeat(248)}.onnx`);
    writeFileSync(file, "x");
    assert.equal(verify(file).state, "unsigned");
  });

  it("follows a link to the model, and finds what lies beside either", () => {
    const model = golden("p256-sha256");
    symlinkSync(model, join(root, "current"));
    const found = verify(join(root, "current"));
    assert.equal(found.state, "verified", found.reason);
    assert.equal(basename(found.path ?? ""), "current");
  });

  it("stops where it is when it is cancelled", () => {
    const model = golden("p256-sha256");
    const cancel = Int32Array.of(1);
    assert.throws(() => verify(model, everyKey(), { cancel }), { kind: "cancelled" });
  });

  it("links files that are its own instead of copying them, unless others may write to them", () => {
    const model = golden("p256-sha256");
    const inode = (path: string) => execFileSync("stat", ["-c", "%i", path]).toString();
    execFileSync("chmod", ["0666", join(model, "modelport.json")]);
    const found = verify(model, everyKey(), { isOwn: true });
    assert.equal(found.state, "verified", found.reason);
    const isSame = (name: string) => inode(join(model, name)) === inode(join(copied(found), name));
    assert.equal(isSame("model.onnx"), true);
    assert.equal(isSame("modelport.json"), false);
  });
});

interface Bundle {
  dsseEnvelope: { signatures: unknown[] };
}

interface Statement {
  subject: { digest: object }[];
  predicate: { serialization: object; resources: object[] };
}

function set(what: object | undefined, values: object): void {
  assert.ok(what);
  Object.assign(what, values);
}

function statTree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
