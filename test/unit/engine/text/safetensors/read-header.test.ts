import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { openWeights } from "../../../../../src/engine/text/safetensors/open-weights.ts";
import { readSafetensorsHeader } from "../../../../../src/engine/text/safetensors/read-header.ts";
import {
  type DraftTensor,
  floats,
  safetensorsFile,
  withHeader,
} from "../../../../support/text/safetensors-file.ts";

const half: DraftTensor = { dtype: "F16", shape: [3], bytes: new Uint8Array(6) };
const sound = safetensorsFile({ first: floats([1, 2, 3, 4, 5, 6], [2, 3]), second: half });

function entry(dtype: unknown, shape: unknown, offsets: unknown): string {
  return JSON.stringify({ w: { dtype, shape, data_offsets: offsets } });
}

describe("the header of a safetensors file", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-safetensors-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function write(bytes: Uint8Array, name = "model.safetensors"): Promise<string> {
    const file = join(directory, name);
    await writeFile(file, bytes);
    return file;
  }

  async function assertRefused(bytes: Uint8Array, why: RegExp): Promise<void> {
    const file = await write(bytes);
    assert.throws(
      () => readSafetensorsHeader(file),
      (reason) =>
        reason instanceof RuntimeError &&
        reason.kind === "invalid-argument" &&
        reason.message.includes(file) &&
        why.test(reason.message),
    );
  }

  it("says where tensors are", async () => {
    const file = await write(sound);
    const start = sound.byteLength - 30;
    assert.deepEqual(
      [...readSafetensorsHeader(file)],
      [
        ["first", { type: "F32", shape: [2, 3], file, offset: start, length: 24 }],
        ["second", { type: "F16", shape: [3], file, offset: start + 24, length: 6 }],
      ],
    );
  });

  it("may have metadata, scalars, empty tensors, spaces at its end and names like __proto__", async () => {
    const none = { dtype: "F32", shape: [0, 7], bytes: new Uint8Array() };
    const tensors = { scalar: floats([1], []), none, ["__proto__"]: floats([2]) };
    const table = readSafetensorsHeader(await write(safetensorsFile(tensors, { format: "pt" })));
    assert.deepEqual([...table.keys()], ["scalar", "none", "__proto__"]);
    assert.equal(table.get("none")?.length, 0);
    const nothing = safetensorsFile({}, { format: "pt" });
    assert.equal(readSafetensorsHeader(await write(nothing)).size, 0);
    const padded = withHeader(`${entry("F32", [1], [0, 4])}   `, new Uint8Array(4));
    assert.equal(readSafetensorsHeader(await write(padded)).get("w")?.length, 4);
  });

  it("is refused wherever the file is cut off", async () => {
    for (let length = 0; length < sound.byteLength; length++) {
      await assertRefused(sound.subarray(0, length), /cut off|has only \d bytes/);
    }
  });

  it("is refused with bytes behind the data, or between tensors", async () => {
    await assertRefused(Buffer.concat([sound, Buffer.alloc(1)]), /31 bytes of data.*only 30/);
    const gap = withHeader(entry("F32", [1], [4, 8]), new Uint8Array(8));
    await assertRefused(gap, /begins at byte 4 of the data, expected 0/);
  });

  it("is refused where tensors share bytes", async () => {
    const offsets = { dtype: "U8", shape: [4] };
    const header = {
      a: { ...offsets, data_offsets: [0, 4] },
      b: { ...offsets, data_offsets: [2, 6] },
    };
    const shared = withHeader(JSON.stringify(header), new Uint8Array(6));
    await assertRefused(shared, /'b' begins at byte 2 of the data, expected 4, where 'a' ends/);
  });

  it("is refused if it is longer than the file, or longer than any", async () => {
    await assertRefused(
      withHeader("{}", new Uint8Array(9), 12n),
      /should have 12 bytes, but 11 follow/,
    );
    await assertRefused(withHeader("{}", new Uint8Array(9), 16_000_001n), /at most 16000000/);
    await assertRefused(
      withHeader("{}", new Uint8Array(9), 2n ** 64n - 1n),
      /18446744073709551615/,
    );
  });

  it("is refused if it is not a JSON object in UTF-8", async () => {
    for (const [header, why] of [
      ["", /not JSON/],
      ["{", /not JSON/],
      ["[]", /not a JSON object/],
      ["null", /not a JSON object/],
      ['"text"', /not a JSON object/],
      [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not UTF-8/],
    ] as const) {
      await assertRefused(withHeader(header, new Uint8Array()), why);
    }
  });

  it("is refused if it names something twice", async () => {
    const one = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
    await assertRefused(withHeader(`{${one},${one}}`, new Uint8Array(4)), /twice/);
    const inner = '{"w":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}';
    await assertRefused(withHeader(inner, new Uint8Array(4)), /twice/);
    const escaped = withHeader(`{"a\\"b:":${one.slice(4)}}`, new Uint8Array(4));
    assert.deepEqual([...readSafetensorsHeader(await write(escaped)).keys()], ['a"b:']);
  });

  it("is refused with the name of a tensor that cannot be as it is described", async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [entry("F31", [1], [0, 4]), /unknown dtype "F31"/],
      [entry(7, [1], [0, 4]), /unknown dtype 7/],
      [entry("F32", "1", [0, 4]), /shape/],
      [entry("F32", [-1], [0, 4]), /shape/],
      [entry("F32", [1.5], [0, 4]), /shape/],
      [entry("F32", Array(65).fill(1), [0, 4]), /at most 64 sizes/],
      [entry("F32", [1], [0]), /data_offsets/],
      [entry("F32", [1], [0, 4, 8]), /data_offsets/],
      [entry("F32", [1], ["0", "4"]), /data_offsets/],
      [entry("F32", [1], [4, 0]), /ends at byte 0, before it begins at byte 4/],
      [entry("F32", [2], [0, 8]), /ends at byte 8 of the data, but the file has only 4/],
      [entry("F32", [2], [0, 4]), /has 4 bytes, expected 8 for F32 \[2\]/],
      [entry("F16", [1], [0, 4]), /has 4 bytes, expected 2/],
      [entry("F32", [2 ** 40, 2 ** 40], [0, 4]), /expected a countable number/],
      [entry("F4", [3], [0, 4]), /expected a countable number/],
      ['{"w":[]}', /dtype, shape and data_offsets/],
      ['{"w":{"dtype":"F32","shape":[1]}}', /dtype, shape and data_offsets/],
      ['{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}', /and nothing else/],
    ];
    for (const [header, why] of cases) {
      await assertRefused(withHeader(header, new Uint8Array(4)), why);
      await assertRefused(withHeader(header, new Uint8Array(4)), /tensor 'w'/);
    }
    await assertRefused(
      withHeader('{"__metadata__":{"a":1}}', new Uint8Array()),
      /object of texts/,
    );
  });

  it("is not looked for in a pointer of Git LFS, a folder, or nothing", async () => {
    const pointer = "version https://git-lfs.example/spec/v1\noid sha256:0\nsize 1\n";
    await assertRefused(Buffer.from(pointer), /pointer of Git LFS: run `git lfs pull`/);
    assert.throws(
      () => readSafetensorsHeader(directory),
      /is a directory, expected a regular file/,
    );
    assert.throws(
      () => readSafetensorsHeader(join(directory, "absent")),
      (reason) => reason instanceof RuntimeError && reason.kind === "failed-precondition",
    );
  });

  it("is joined with those of the other shards, which have other tensors", async () => {
    const one = await write(safetensorsFile({ a: floats([1]) }), "1.safetensors");
    const two = await write(safetensorsFile({ b: floats([2]) }), "2.safetensors");
    const table = openWeights([one, two]);
    assert.deepEqual(
      [...table].map(([name, { file }]) => [name, file]),
      [
        ["a", one],
        ["b", two],
      ],
    );
    const three = await write(safetensorsFile({ a: floats([3]) }), "3.safetensors");
    assert.throws(() => openWeights([one, two, three]), /'a' is in .*1\.safetensors and in .*3\./);
  });
});
