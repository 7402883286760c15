import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { mutateBytes, Random } from "../../../support/attacks/mutate.ts";
import { checkFixture } from "../../../support/signing/check-fixture.ts";
import { rehash, TestSigner } from "../../../support/signing/signed-models.ts";

describe("a signature that was tampered with", () => {
  const fixture = checkFixture();

  it("refuses a huge signature without reading it", () => {
    const file = join(fixture.golden("p256-sha256"), "model.sig");
    truncateSync(file, 2 ** 40);
    fixture.refuses(dirname(file), /has 1099511627776 bytes, expected at most 16777216/);
  });

  it("refuses every signature that is cut off", () => {
    const file = join(fixture.golden("p256-sha256"), "model.sig");
    const text = readFileSync(file, "utf8").trimEnd();
    for (let length = 0; length < text.length; length += 13) {
      writeFileSync(file, text.slice(0, length));
      fixture.refuses(dirname(file), /the bundle is not valid JSON/);
    }
  });

  it("refuses a signature of which any character of the payload or of the signature was changed", () => {
    const file = join(fixture.golden("p256-sha256"), "model.sig");
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
      fixture.refuses(dirname(file), /or its payload was changed/);
    }
    bundle.dsseEnvelope.payload = payload;
    for (let at = 0; at < sig.length - 4; at++) {
      signature.sig = swap(sig, at);
      write();
      fixture.refuses(dirname(file), /or its payload was changed/);
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
      const file = join(fixture.golden("p256-sha256"), "model.sig");
      const bundle = JSON.parse(readFileSync(file, "utf8"));
      change(bundle);
      writeFileSync(file, JSON.stringify(bundle));
      fixture.refuses(dirname(file), reason);
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
      const model = fixture.golden("p256-sha256");
      const key = signer.writeKey(join(fixture.folder, "own.pub"));
      const write = (text: string) => writeFileSync(join(model, "model.sig"), text);
      write(signer.sign(model, files));
      assert.equal(fixture.verify(model, [key]).state, "verified");
      rmSync(fixture.target, { recursive: true });
      write(signer.sign(model, files, (statement) => change(statement as unknown as Statement)));
      fixture.refuses(model, reason, [key]);
    });
  }

  it("refuses shards with a gap, an overlap or a wrong length", () => {
    const signer = new TestSigner();
    const model = fixture.golden("p256-sha256");
    const key = signer.writeKey(join(fixture.folder, "own.pub"));
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
      fixture.refuses(model, /the shards of 'model\.onnx' do not follow each other/, [key]);
    }
  });

  it("never passes with wounds, and none of them is a fault of the program", () => {
    const file = join(fixture.golden("certificate-whole"), "model.sig");
    const bytes = readFileSync(file);
    const { payload } = JSON.parse(bytes.toString()).dsseEnvelope;
    const random = new Random(7);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const wounded = mutateBytes(bytes, random);
      writeFileSync(file, wounded);
      const found = fixture.verify(dirname(file));
      if (found.state === "refused") refused++;
      else assert.equal(JSON.parse(wounded.toString()).dsseEnvelope.payload, payload);
      rmSync(fixture.target, { recursive: true, force: true });
    }
    assert.ok(refused > 200, `${refused} of 300`);
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
