import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { findLocalArchive } from "../../src/storage/local-archive.ts";
import { makeTar } from "../support/archives/make-tar.ts";
import { makeZip } from "../support/archives/make-zip.ts";
import { FileServer } from "../support/fakes/file-server.ts";
import { createPuller, filesBelow, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { waitFor } from "../support/wait-for.ts";

const model = randomBytes(400_000);
const entries = [
  { name: "iris/model.onnx", bytes: model },
  { name: "iris/labels.txt", bytes: "a\nb" },
];
const tar = makeTar(entries);
const archives: Readonly<Record<string, Buffer>> = {
  "iris.tar": tar,
  "iris.tar.gz": gzipSync(tar),
  "iris.TGZ": gzipSync(tar),
  "iris.zip": makeZip(entries),
};

let server: FileServer;
let fixture: PullerFixture;

beforeEach(async () => {
  server = new FileServer();
  await server.listen();
  fixture = await createPuller({ idleTimeoutMs: 500 });
});
afterEach(async () => {
  await fixture.close();
  await server.close();
});

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(await fixture.left(), []);
  assert.equal(fixture.puller.reservedBytes, 0);
  await waitFor(() => server.sockets.size === 0);
}

describe("an archive in a store", () => {
  for (const [name, bytes] of Object.entries(archives)) {
    it(`is the folder that it holds: ${name}`, async () => {
      const url = server.put(`/${name}`, bytes);
      const seen: number[] = [];
      const onProgress = ({ receivedBytes }: { receivedBytes: number }) => seen.push(receivedBytes);
      const pulled = await fixture.pull(url, {}, { onProgress });
      assert.deepEqual(await filesBelow(pulled.path), ["iris/labels.txt", "iris/model.onnx"]);
      assert.deepEqual(await readFile(join(pulled.path, "iris/model.onnx")), model);
      assert.equal(pulled.sizeBytes, model.length + 3);
      assert.equal(fixture.puller.reservedBytes, model.length + 3);
      assert.equal(Math.max(...seen), bytes.length);
      await pulled.release();
      await assertNothingLeft();
    });

    it(`leaves nothing if it is cut off or damaged at its source: ${name}`, async () => {
      const cut = server.put(`/cut/${name}`, bytes.subarray(0, bytes.length - 2_000));
      await assert.rejects(fixture.pull(cut), { kind: "invalid-argument" });
      await assertNothingLeft();
      const other = Buffer.from(bytes);
      other.fill(7, 0, 3_000);
      const damaged = server.put(`/damaged/${name}`, other);
      await assert.rejects(fixture.pull(damaged), { kind: "invalid-argument" });
      await assertNothingLeft();
    });

    it(`goes on where the connection broke or fell silent: ${name}`, async () => {
      const url = server.put(`/${name}`, bytes);
      server.fail(`/${name}`, { cutAfter: 100_000 }, { hangAfter: 100_000 }, { status: 503 });
      const pulled = await fixture.pull(url);
      assert.deepEqual(await readFile(join(pulled.path, "iris/model.onnx")), model);
    });
  }

  it("comes through a redirect, and not without access", async () => {
    const bytes = archives["iris.zip"] ?? assert.fail();
    const location = server.put("/elsewhere", bytes);
    server.put("/iris.zip", bytes);
    server.fail("/iris.zip", { status: 302, headers: { location } });
    const pulled = await fixture.pull(`${server.origin}/iris.zip`);
    assert.equal((await filesBelow(pulled.path)).length, 2);
    await pulled.release();
    server.fail("/iris.zip", { status: 403 });
    await assert.rejects(fixture.pull(`${server.origin}/iris.zip`), /access denied/);
    await assertNothingLeft();
  });

  it("starts over if its checksum is wrong once", async () => {
    const bytes = archives["iris.tar.gz"] ?? assert.fail();
    const md5 = createHash("md5").update(bytes).digest("base64");
    const url = server.put("/iris.tar.gz", bytes, { md5 });
    server.fail("/iris.tar.gz", { corrupt: true });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(join(pulled.path, "iris/model.onnx")), model);
  });

  it("leaves nothing when it is cancelled on its way or while it is unpacked", async () => {
    const bytes = archives["iris.tar.gz"] ?? assert.fail();
    const url = server.put("/iris.tar.gz", bytes);
    for (const share of [0.3, 1]) {
      const controller = new AbortController();
      const onProgress = ({ receivedBytes }: { receivedBytes: number }) => {
        if (receivedBytes >= bytes.length * share) controller.abort(new Error("enough"));
      };
      const pulling = fixture.pull(url, {}, { signal: controller.signal, onProgress });
      await assert.rejects(pulling, /^Error: enough/);
      await assertNothingLeft();
    }
  });

  it("needs room for itself and for what it holds", async () => {
    const bytes = gzipSync(makeTar([{ name: "model.onnx", bytes: Buffer.alloc(1_000_000) }]));
    const url = server.put("/zeros.tgz", bytes);
    for (const limitBytes of [bytes.length - 1, 900_000]) {
      const small = await createPuller({ limitBytes });
      await assert.rejects(small.pull(url), { kind: "over-budget" });
      assert.deepEqual(await small.left(), []);
      assert.equal(small.puller.reservedBytes, 0);
      await small.close();
    }
    const strict = await createPuller({ unpackLimitBytes: 900_000 });
    await assert.rejects(strict.pull(url), {
      kind: "invalid-argument",
      message: /PULL_UNPACK_BYTES/,
    });
    assert.deepEqual(await strict.left(), []);
    await strict.close();
  });

  it("is shared by models that are loaded from it, and refused if it is empty", async () => {
    const url = server.put("/iris.zip", archives["iris.zip"] ?? assert.fail());
    const [one, two] = await Promise.all([fixture.pull(url), fixture.pull(url)]);
    assert.equal(one.path, two.path);
    const nothing = server.put("/nothing.zip", makeZip([]));
    await assert.rejects(fixture.pull(nothing), {
      kind: "failed-precondition",
      message: /has no files, expected those of a model/,
    });
  });
});

describe("an archive on this machine", () => {
  const pull = async (path: string, roots: readonly string[]) => {
    const localArchive = await findLocalArchive(path, roots);
    assert.ok(localArchive !== undefined);
    const location = { path, storageKey: undefined, parameters: {}, localArchive };
    const { signal } = new AbortController();
    return await fixture.puller.pull(location, { signal, onProgress: () => {} });
  };

  it("is unpacked where models are pulled to, and stays as it is", async () => {
    const path = join(fixture.folder, "iris.zip");
    await writeFile(path, archives["iris.zip"] ?? assert.fail());
    await symlink("iris.zip", join(fixture.folder, "link.zip"));
    const pulled = await pull(path, [fixture.folder]);
    assert.deepEqual(await readFile(join(pulled.path, "iris/model.onnx")), model);
    const linked = await pull(join(fixture.folder, "link.zip"), [fixture.folder]);
    assert.equal(linked.path, pulled.path);
    await linked.release();
    await pulled.release();
    await assertNothingLeft();
    assert.deepEqual(await readFile(path), archives["iris.zip"]);
  });

  it("may lie in a volume", async () => {
    const volume = join(fixture.settings.volumesDirectory, "claim");
    await mkdir(volume);
    await writeFile(join(volume, "iris.tar"), tar);
    const pulled = await fixture.pull("pvc://claim/iris.tar");
    assert.deepEqual(await filesBelow(pulled.path), ["iris/labels.txt", "iris/model.onnx"]);
    await pulled.release();
    await assertNothingLeft();
  });

  it("may not be a link out of its folder, and other files are none", async () => {
    const roots = [join(fixture.folder, "models")];
    await mkdir(roots[0] ?? "");
    await writeFile(join(fixture.folder, "secret.zip"), archives["iris.zip"] ?? assert.fail());
    await symlink("../secret.zip", join(fixture.folder, "models/link.zip"));
    await assert.rejects(findLocalArchive(join(fixture.folder, "models/link.zip"), roots), {
      kind: "invalid-argument",
      message: /link out of the model directories/,
    });
    await mkdir(join(fixture.folder, "models/folder.zip"));
    for (const name of ["folder.zip", "none.zip", "model.onnx"]) {
      assert.equal(await findLocalArchive(join(fixture.folder, "models", name), roots), undefined);
    }
  });
});
