import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { makeTar } from "../support/archives/make-tar.ts";
import { createPuller, filesBelow, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { waitFor } from "../support/wait-for.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import { type StorageServer, serverFiles, skipWithout, startServer } from "./storage-server.ts";

const model = randomBytes(2_000_000);
const title = "org.opencontainers.image.title";
const types = {
  image: "application/vnd.oci.image.config.v1+json",
  empty: "application/vnd.oci.empty.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
};

interface Content {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

describe("a pull from a registry", { skip: await skipWithout("oci") }, () => {
  let server: StorageServer;
  let proxy: CuttingProxy;
  let fixture: PullerFixture;
  let digest: string;

  const push = async (
    name: string,
    tag: string,
    configType: string,
    layers: readonly Content[],
  ) => {
    const base = `http://127.0.0.1:${server.port}/v2/${name}`;
    const upload = async ({ bytes, ...content }: Content) => {
      const blob = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const begun = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
      assert.equal(begun.status, 202);
      const place = new URL(begun.headers.get("location") ?? "", base);
      place.searchParams.set("digest", blob);
      const sent = await fetch(place, { method: "PUT", body: new Uint8Array(bytes) });
      assert.equal(sent.status, 201);
      return { ...content, digest: blob, size: bytes.length };
    };
    const config = await upload({ mediaType: configType, bytes: Buffer.from("{}") });
    const listed: object[] = [];
    for (const layer of layers) listed.push(await upload(layer));
    const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers: listed };
    const body = JSON.stringify(manifest);
    const headers = { "content-type": types.manifest };
    const sent = await fetch(`${base}/manifests/${tag}`, { method: "PUT", headers, body });
    assert.equal(sent.status, 201);
    return `sha256:${createHash("sha256").update(body).digest("hex")}`;
  };

  before(async () => {
    server = await startServer(serverFiles.oci, (port) => ["-port", String(port)]);
    proxy = new CuttingProxy(server.port);
    await proxy.listen();
    const layer = (...entries: Parameters<typeof makeTar>[0]): Content => ({
      mediaType: types.layer,
      bytes: gzipSync(makeTar(entries)),
    });
    digest = await push("team/image", "v1", types.image, [
      layer({ name: "models/old.txt", bytes: "old" }, { name: "etc/passwd", bytes: "root" }),
      layer({ name: "models/model.onnx", bytes: model }, { name: "models/.wh.old.txt" }),
    ]);
    await push("team/artifact", "v1", types.empty, [
      { mediaType: "application/onnx", bytes: model, annotations: { [title]: "model.onnx" } },
      { mediaType: "text/plain", bytes: Buffer.from("a"), annotations: { [title]: "labels.txt" } },
    ]);
  });
  after(async () => {
    await proxy?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    fixture = await createPuller();
  });
  afterEach(async () => {
    proxy.cuts = [];
    await fixture.close();
  });

  const pull = (name: string) => fixture.pull(`oci://127.0.0.1:${proxy.port}/${name}`);

  it("brings the files of an image, by tag and by digest", async () => {
    for (const name of ["team/image:v1", `team/image@${digest}`]) {
      const pulled = await pull(name);
      assert.deepEqual(await filesBelow(pulled.path), ["model.onnx"]);
      assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
      await pulled.release();
    }
    assert.deepEqual(await fixture.left(), []);
  });

  it("brings the files of an artifact, and goes on where connections broke", async () => {
    proxy.cuts = [500_000, 700_000];
    const pulled = await pull("team/artifact:v1");
    assert.deepEqual(proxy.cuts, []);
    assert.deepEqual(await filesBelow(pulled.path), ["labels.txt", "model.onnx"]);
    assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
    await waitFor(() => proxy.sockets.size === 0);
  });

  it("says what is not there", async () => {
    await assert.rejects(pull("team/image:v2"), {
      kind: "failed-precondition",
      message: /team\/image:v2 does not exist/,
    });
    await assert.rejects(pull("team/none:v1"), { kind: "failed-precondition" });
    assert.deepEqual(await fixture.left(), []);
  });
});
