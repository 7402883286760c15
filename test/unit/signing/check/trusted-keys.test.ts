import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { TrustedKeys } from "../../../../src/signing/check/trusted-keys.ts";
import { goldenKey } from "../../../support/signing/signed-models.ts";

describe("trusted keys", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "modelport-trusted-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const put = (name: string, from: string) => cpSync(goldenKey(from), join(folder, name));
  const sizes = (trusted: TrustedKeys, paths = [folder]) => {
    const { keys, anchors, problems } = trusted.read(paths);
    return { keys: keys.length, anchors: anchors.length, problems };
  };

  it("come from files and from the files of folders, keys and certificates alike", () => {
    put("a.pem", "p256.pub");
    put("b.pem", "root.crt");
    writeFileSync(
      join(folder, "both.pem"),
      ["p384.pub", "between.crt"].map((name) => readFileSync(goldenKey(name), "utf8")).join(""),
    );
    const paths = [folder, goldenKey("p521.pub")];
    assert.deepEqual(sizes(new TrustedKeys(), paths), { keys: 3, anchors: 2, problems: [] });
  });

  it("are named by the digest that signatures name them by", () => {
    const [key] = new TrustedKeys().read([goldenKey("p256.pub")]).keys;
    const file = readFileSync(join(goldenKey(".."), "signatures", "p256-sha256.sig"), "utf8");
    assert.equal(key?.hint, JSON.parse(file).verificationMaterial.publicKey.hint);
  });

  it("are read again when they change, come or go", () => {
    const trusted = new TrustedKeys();
    put("key.pub", "p256.pub");
    const [first] = trusted.read([folder]).keys;
    assert.equal(trusted.read([folder]).keys[0], first, "not read again without a change");
    put("key.pub", "p384.pub");
    const [second] = trusted.read([folder]).keys;
    assert.notEqual(second?.hint, first?.hint);
    put("more.pub", "p521.pub");
    assert.equal(sizes(trusted).keys, 2);
    rmSync(join(folder, "key.pub"));
    assert.equal(sizes(trusted).keys, 1);
    rmSync(folder, { recursive: true });
    const { keys, problems } = sizes(trusted);
    assert.equal(keys, 0);
    assert.match(problems[0] ?? "", /is not used: ENOENT/);
  });

  it("are found where Kubernetes swaps links", () => {
    const trusted = new TrustedKeys();
    for (const name of ["p256", "p384"]) {
      mkdirSync(join(folder, `..${name}`));
      put(`..${name}/key.pub`, `${name}.pub`);
    }
    symlinkSync("..p256", join(folder, "..data"));
    symlinkSync(join("..data", "key.pub"), join(folder, "key.pub"));
    const [first] = trusted.read([folder]).keys;
    rmSync(join(folder, "..data"));
    symlinkSync("..p384", join(folder, "..data"));
    const { keys } = trusted.read([folder]);
    assert.equal(keys.length, 1);
    assert.notEqual(keys[0]?.hint, first?.hint);
  });

  it("stay as they were while their file is half written, and the problem is told", () => {
    const trusted = new TrustedKeys();
    put("key.pub", "p256.pub");
    assert.equal(sizes(trusted).keys, 1);
    writeFileSync(join(folder, "key.pub"), "-----BEGIN PUBLIC KEY-----\nMFkw");
    const { keys, problems } = sizes(trusted);
    assert.equal(keys, 1);
    assert.match(problems[0] ?? "", /key\.pub is not used: it has neither a public key nor/);
  });

  const unusable: readonly [what: string, text: string, reason: RegExp][] = [
    [
      "a private key",
      "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
      /must not have: expected the public key/,
    ],
    [
      "another kind of block",
      "-----BEGIN CRL-----\nAAAA\n-----END CRL-----\n",
      /a block 'CRL', expected 'PUBLIC KEY'/,
    ],
    ["no key", "hello", /neither a public key nor a certificate/],
  ];
  for (const [what, text, reason] of unusable) {
    it(`are not taken from a file with ${what}`, () => {
      put("good.pub", "p256.pub");
      writeFileSync(join(folder, "bad"), text);
      const { keys, problems } = sizes(new TrustedKeys());
      assert.equal(keys, 1);
      assert.match(problems.join(), reason);
    });
  }

  it("are elliptic curve keys that the tool signs with", () => {
    const pairs = [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ed25519"),
      generateKeyPairSync("ec", { namedCurve: "secp256k1" }),
    ];
    for (const { publicKey } of pairs) {
      const pem = publicKey.export({ type: "spki", format: "pem" });
      writeFileSync(join(folder, "key.pub"), pem);
      const { keys, problems } = sizes(new TrustedKeys());
      assert.equal(keys, 0);
      assert.match(problems.join(), /expected an elliptic curve P-256, P-384 or P-521/);
    }
  });

  it("are not waited for in a FIFO", () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    assert.match(
      sizes(new TrustedKeys()).problems.join(),
      /pipe is a FIFO, expected a regular file/,
    );
  });
});
