import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Blake3 } from "../../../../src/signing/digests/blake3.ts";

/** As the project's own test vectors: bytes that count from 0 to 250, again and again. */
function input(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 251);
}

function digestOf(bytes: Uint8Array, pieceBytes = bytes.length || 1): string {
  const hash = new Blake3();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    hash.update(bytes.subarray(at, at + pieceBytes));
  }
  return hash.digest().toString("hex");
}

describe("BLAKE3", () => {
  // Around the sizes of blocks and chunks, and whole and ragged trees, by the Python package blake3 1.0.11.
  const known: readonly [length: number, digest: string][] = [
    [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
    [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
    [63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"],
    [64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"],
    [65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"],
    [1_023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"],
    [1_024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
    [1_025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"],
    [2_048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"],
    [2_049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"],
    [3_073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"],
    [5_121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"],
    [16_384, "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"],
    [31_744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"],
    [102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"],
  ];
  for (const [length, digest] of known) {
    it(`has the known digest of ${length} bytes`, () => {
      assert.equal(digestOf(input(length)), digest);
    });
  }

  it("does not depend on how its input is cut", () => {
    const bytes = input(31_744);
    const whole = digestOf(bytes);
    for (const pieceBytes of [1, 63, 64, 777, 1_024, 1_025, 30_000]) {
      assert.equal(digestOf(bytes, pieceBytes), whole, `pieces of ${pieceBytes} bytes`);
    }
  });
});
