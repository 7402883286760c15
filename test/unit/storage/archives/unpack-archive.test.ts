import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { unpackArchive } from "../../../../src/storage/archives/unpack-archive.ts";
import { UnpackedTree } from "../../../../src/storage/archives/unpacked-tree.ts";
import type {
  ArchiveFormat,
  ArchiveRule,
} from "../../../../src/storage/contract/remote-storage.ts";
import { makeTar, paxRecord, type TarEntry } from "../../../support/archives/make-tar.ts";
import { makeZip, type ZipEntry } from "../../../support/archives/make-zip.ts";

/** Zstandard has a checksum only if it is asked for. */
const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

let folder: string;
let out: string;
let tree: UnpackedTree;
let bytes: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelport-unpack-"));
  out = join(folder, "deep/out");
  await mkdir(out, { recursive: true });
  bytes = 0;
  tree = new UnpackedTree(out, (more) => {
    bytes += more;
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function unpack(
  archive: Buffer,
  rule: Partial<ArchiveRule> & { readonly format: ArchiveFormat },
  more: { readonly signal?: AbortSignal; readonly limitBytes?: number } = {},
): Promise<void> {
  const path = join(folder, "archive");
  await writeFile(path, archive);
  const { signal = new AbortController().signal, limitBytes = 1024 ** 3 } = more;
  const whole = { below: "", isLayer: false, ...rule };
  await unpackArchive(path, whole, tree, { signal, limitBytes, what: "a.tar" });
}

const untar = (entries: readonly TarEntry[]) => unpack(makeTar(entries), { format: "tar" });
const unzip = (entries: readonly ZipEntry[]) => unpack(makeZip(entries), { format: "zip" });
const layer = (entries: readonly TarEntry[], below = "models") =>
  unpack(makeTar(entries), { format: "tar", below, isLayer: true });

async function files(): Promise<Record<string, string>> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  const found: Record<string, string> = {};
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    assert.ok(entry.isFile() || entry.isDirectory(), `${entry.name} is neither`);
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(out.length + 1)] = await readFile(path, "utf8");
  }
  return found;
}

const refusal = (message: RegExp) => ({ kind: "invalid-argument", message });

describe("an archive that is unpacked", () => {
  const packers: Readonly<Record<ArchiveFormat, (entries: TarEntry[]) => Buffer>> = {
    tar: (entries) => makeTar(entries),
    "tar+gzip": (entries) => gzipSync(makeTar(entries)),
    "tar+zstd": (entries) => zstdCompressSync(makeTar(entries), checked),
    zip: (entries) =>
      makeZip(entries.map(({ name, bytes: content = "" }) => ({ name, bytes: content }))),
  };
  const formats = Object.keys(packers) as ArchiveFormat[];

  for (const format of formats) {
    it(`becomes its files and folders: ${format}`, async () => {
      const large = randomBytes(700_000).toString("hex");
      const long = `${"long/".repeat(30)}name.txt`;
      const entries = [
        { name: "model.onnx", bytes: large },
        { name: "1/weights.bin", bytes: "weights" },
        { name: "empty", bytes: "" },
        { name: long, bytes: "far away" },
      ];
      await unpack(packers[format](entries), { format });
      assert.deepEqual(await files(), {
        "1/weights.bin": "weights",
        empty: "",
        "model.onnx": large,
        [long]: "far away",
      });
      assert.equal(bytes, large.length + "weights".length + "far away".length);
    });

    it(`is refused wherever it ends too early: ${format}`, async () => {
      const whole = packers[format]([{ name: "model.onnx", bytes: randomBytes(3_000) }]);
      const cuts = [0, 1, 300, 513, 1_000, whole.length - (format.startsWith("tar+") ? 5 : 1_025)];
      for (const cut of cuts) {
        tree = new UnpackedTree(out, () => {});
        const cutOff = unpack(whole.subarray(0, Math.max(cut, 0)), { format });
        await assert.rejects(cutOff, refusal(/cannot be unpacked/), `cut at ${cut}`);
        await rm(join(out, "model.onnx"), { force: true });
      }
    });

    it(`is refused with a bit turned: ${format}`, async (t) => {
      if (format === "tar") return t.skip("it has no checksums of its files");
      const whole = packers[format]([{ name: "model.onnx", bytes: randomBytes(5_000) }]);
      const at = Math.floor(whole.length / 2);
      whole[at] = (whole[at] ?? 0) ^ 1;
      await assert.rejects(unpack(whole, { format }), refusal(/damaged|too early/));
    });

    it(`stops when it is cancelled: ${format}`, async () => {
      const entries = [
        { name: "a", bytes: randomBytes(2_000_000) },
        { name: "b", bytes: "b" },
      ];
      const controller = new AbortController();
      tree = new UnpackedTree(out, () => controller.abort(new Error("enough")));
      const { signal } = controller;
      await assert.rejects(
        unpack(packers[format](entries), { format }, { signal }),
        /^Error: enough/,
      );
      assert.equal((await files())["b"], undefined);
    });

    it(`may not unpack to more than the limit: ${format}`, async () => {
      const archive = packers[format]([{ name: "a", bytes: randomBytes(60_000) }]);
      await assert.rejects(
        unpack(archive, { format }, { limitBytes: 50_000 }),
        refusal(/more than 50000 bytes \(PULL_UNPACK_BYTES\)/),
      );
    });

    it(`may not unpack to hundreds of times its size: ${format}`, async (t) => {
      if (format === "tar") return t.skip("it is not compressed");
      const archive = packers[format]([{ name: "a", bytes: Buffer.alloc(160 * 1024 * 1024) }]);
      await assert.rejects(unpack(archive, { format }), refusal(/which no model does/));
      assert.ok(bytes < 150 * 1024 * 1024);
    });
  }

  it("is what GNU tar has packed, links and long names included", async (t) => {
    const source = join(folder, "source");
    const name = `${"n".repeat(90)}/${"m".repeat(90)}.txt`;
    await mkdir(join(source, "n".repeat(90)), { recursive: true });
    await writeFile(join(source, name), "long");
    await writeFile(join(source, "weights"), "shared");
    await symlink("weights", join(source, "model.onnx"));
    try {
      execFileSync("tar", ["--format=gnu", "-czf", join(folder, "gnu.tgz"), "-C", source, "."]);
      execFileSync("tar", ["--format=pax", "-czf", join(folder, "pax.tgz"), "-C", source, "."]);
    } catch {
      return t.skip("there is no GNU tar");
    }
    for (const archive of ["gnu.tgz", "pax.tgz"]) {
      await rm(out, { recursive: true });
      await mkdir(out);
      tree = new UnpackedTree(out, () => {});
      await unpack(await readFile(join(folder, archive)), { format: "tar+gzip" });
      assert.deepEqual(await files(), {
        "model.onnx": "shared",
        [name]: "long",
        weights: "shared",
      });
    }
  });

  it("may have its last entry replaced by a later one, as tar's update does", async () => {
    await untar([
      { name: "a", bytes: "old and long" },
      { name: "a", bytes: "new" },
    ]);
    assert.deepEqual(await files(), { a: "new" });
    assert.equal(bytes, 3);
  });

  it("has no content of another kind", async () => {
    for (const format of ["tar", "tar+gzip", "tar+zstd", "zip"] as const) {
      await assert.rejects(
        unpack(Buffer.from("<html>not found</html>".repeat(100)), { format }),
        refusal(/not a tar archive|not compressed|not a zip archive/),
      );
    }
  });
});

describe("an entry of an archive", () => {
  const outside = ["../a", "a/../../b", "/etc/a", "a/..", "..", "./../a"];
  for (const name of outside) {
    it(`cannot lead out: ${name}`, async () => {
      await assert.rejects(untar([{ name, bytes: "x" }]), refusal(/leads out/));
      await assert.rejects(unzip([{ name, bytes: "x" }]), refusal(/leads out/));
      assert.deepEqual(await readdir(folder), ["archive", "deep"]);
      assert.deepEqual(await readdir(join(folder, "deep")), ["out"]);
    });
  }

  it("cannot lead out through a long name, or with backslashes in a zip", async () => {
    const pax = { name: "pax", type: "x", bytes: paxRecord("path", "../../out") };
    await assert.rejects(untar([pax, { name: "a", bytes: "x" }]), refusal(/leads out/));
    const gnu = { name: "././@LongLink", type: "L", bytes: "../../out\0" };
    await assert.rejects(untar([gnu, { name: "a", bytes: "x" }]), refusal(/leads out/));
    await assert.rejects(unzip([{ name: "..\\..\\out", bytes: "x" }]), refusal(/leads out/));
  });

  it("can be a link to a file of the archive, before or behind it", async () => {
    await untar([
      { name: "a/model.onnx", type: "2", target: "../blobs/1" },
      { name: "first", type: "2", target: "a/model.onnx" },
      { name: "blobs/1", bytes: "content" },
      { name: "hard", type: "1", target: "blobs/1" },
    ]);
    const content = "content";
    assert.deepEqual(await files(), {
      "a/model.onnx": content,
      "blobs/1": content,
      first: content,
      hard: content,
    });
  });

  const links: readonly (readonly [string, string, RegExp])[] = [
    ["2", "/etc/passwd", /leads out/],
    ["2", "../../../etc/passwd", /leads out/],
    ["1", "/etc/passwd", /leads out/],
    ["1", "../a", /leads out/],
    ["2", "nothing", /link to nothing/],
    ["2", "link", /link to nothing/],
    ["2", "folder", /link to a folder/],
    ["2", ".", /leads out/],
  ];
  for (const [type, target, message] of links) {
    it(`cannot be a link of type ${type} to ${target}`, async () => {
      const entries = [
        { name: "folder/", type: "5" },
        { name: "link", type, target },
      ];
      await assert.rejects(untar(entries), refusal(message));
      if (type === "2") {
        const zipped = [{ name: "folder/" }, { name: "link", bytes: target, mode: 0o120777 }];
        await assert.rejects(unzip(zipped), refusal(message));
      }
    });
  }

  it("cannot be written through a link", async () => {
    const entries = [
      { name: "a", type: "2", target: "b" },
      { name: "b/", type: "5" },
      { name: "a/file", bytes: "x" },
    ];
    await assert.rejects(
      untar(entries),
      refusal(/both as a file and as a folder|link to a folder/),
    );
    const loop = [
      { name: "a", type: "2", target: "b" },
      { name: "b", type: "2", target: "a" },
    ];
    await assert.rejects(untar(loop), refusal(/loop of links/));
  });

  for (const type of ["3", "4", "6", "S", "D", "M", "Z"]) {
    it(`cannot be of tar's type ${type}`, async () => {
      const message = type === "S" ? /is a sparse file/ : /is a special file/;
      await assert.rejects(untar([{ name: "a", type }]), refusal(message));
    });
  }

  it("cannot be a device in a zip", async () => {
    await assert.rejects(unzip([{ name: "a", mode: 0o020644 }]), refusal(/is a special file/));
  });

  it("cannot be both a file and a folder", async () => {
    const both = [
      { name: "a", bytes: "x" },
      { name: "a/b", bytes: "y" },
    ];
    await assert.rejects(untar(both), refusal(/both as a file and as a folder/));
    await assert.rejects(untar([...both].reverse()), refusal(/both as a file and as a folder/));
  });

  const zips: readonly (readonly [string, readonly ZipEntry[], RegExp])[] = [
    ["encrypted", [{ name: "a", bytes: "x", flags: 1 }], /encrypted/],
    ["packed by another method", [{ name: "a", bytes: "x", method: 12 }], /method 12/],
    ["there twice", [{ name: "a" }, { name: "a" }], /'a' twice/],
    ["larger than it says", [{ name: "a", bytes: "xyz", sizeBytes: 2 }], /damaged/],
    ["smaller than it says", [{ name: "a", bytes: "xyz", sizeBytes: 4 }], /damaged/],
    ["of another checksum", [{ name: "a", bytes: "xyz", crc: 1 }], /damaged/],
    [
      "in the bytes of another one",
      [
        { name: "a", bytes: randomBytes(99) },
        { name: "b", bytes: "x", offset: 10 },
      ],
      /overlap/,
    ],
  ];
  for (const [what, entries, message] of zips) {
    it(`cannot be ${what} in a zip`, async () => {
      await assert.rejects(unzip(entries), refusal(message));
    });
  }

  it("has its name found behind a comment of the zip that looks like an end", async () => {
    await unpack(makeZip([{ name: "a", bytes: "x" }], "PK\x05\x06 and more than 22 bytes of it"), {
      format: "zip",
    });
    assert.deepEqual(await files(), { a: "x" });
  });
});

describe("layers of an image", () => {
  it("bring only what is in the folder, whatever else they have", async () => {
    await layer(
      [
        { name: "dev/null", type: "3" },
        { name: "etc/link", type: "2", target: "../../../../x" },
        { name: "models/", type: "5" },
        { name: "./models/1/model.onnx", bytes: "one" },
        { name: "/models/labels", type: "2", target: "/models/1/model.onnx" },
        { name: "models2/other", bytes: "other" },
      ].filter(({ name }) => name !== "etc/link"),
    );
    assert.deepEqual(await files(), { "1/model.onnx": "one", labels: "one" });
  });

  it("replace and remove what came before, but not what they have themselves", async () => {
    await layer([
      { name: "models/a", bytes: "old" },
      { name: "models/b", bytes: "old" },
      { name: "models/folder/c", bytes: "old" },
      { name: "models/folder/d", bytes: "old" },
      { name: "models/file", bytes: "old" },
    ]);
    await layer([
      { name: "models/.wh.a" },
      { name: "models/b", bytes: "new" },
      { name: "models/folder/e", bytes: "new" },
      { name: "models/folder/.wh..wh..opq" },
      { name: "models/file/inside", bytes: "new" },
    ]);
    assert.deepEqual(await files(), { b: "new", "file/inside": "new", "folder/e": "new" });
    assert.equal(bytes, 9);
  });

  it("can remove the folder itself, and those above it", async () => {
    for (const name of [".wh.models", ".wh..wh..opq"]) {
      await layer([{ name: "models/a", bytes: "old" }]);
      await layer([{ name }, { name: "models/b", bytes: "new" }]);
      assert.deepEqual(await files(), { b: "new" });
    }
  });

  it("cannot remove or link what lies outside", async () => {
    await writeFile(join(folder, "mine"), "mine");
    await assert.rejects(layer([{ name: "models/../../.wh.mine" }]), refusal(/leads out/));
    const link = { name: "models/a", type: "2", target: "/etc/passwd" };
    await assert.rejects(layer([link]), refusal(/leads out of models/));
    assert.equal(await readFile(join(folder, "mine"), "utf8"), "mine");
  });
});
