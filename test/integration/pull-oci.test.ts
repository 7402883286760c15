import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { makeTar } from "../support/archives/make-tar.ts";
import { createPuller, filesBelow, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { digestOf, type Layer, RegistryServer } from "../support/fakes/registry-server.ts";
import { waitFor } from "../support/wait-for.ts";

const imageConfig = "application/vnd.oci.image.config.v1+json";
const emptyConfig = "application/vnd.oci.empty.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";
const indexType = "application/vnd.oci.image.index.v1+json";
const title = "org.opencontainers.image.title";
const model = randomBytes(600_000);
const packed = gzipSync(makeTar([{ name: "models/model.onnx", bytes: model }]));
const image: readonly Layer[] = [
  { mediaType: layerType, bytes: makeTar([{ name: "bin/sh", bytes: "a shell" }]) },
  { mediaType: `${layerType}+gzip`, bytes: packed },
  {
    mediaType: `${layerType}+zstd`,
    bytes: zstdCompressSync(makeTar([{ name: "models/config.json", bytes: "{}" }])),
  },
];
const own = { username: "me", password: "secret:word" };

let registry: RegistryServer;
let fixture: PullerFixture;

beforeEach(async () => {
  registry = new RegistryServer();
  await registry.listen();
  fixture = await createPuller({ idleTimeoutMs: 500 });
});
afterEach(async () => {
  await fixture.close();
  await registry.close();
});

const pullImage = (key: object = {}) => fixture.pull(`oci://${registry.host}/team/m:v1`, key);
const auths = (fields: object) => ({ auths: { [registry.host]: fields } });

describe("a pull of an image", () => {
  beforeEach(() => registry.push("team/m", "v1", imageConfig, image));

  it("brings what is in /models, by tag and by digest", async () => {
    const digest = registry.push("team/m", "v2", imageConfig, image);
    for (const version of [":v1", `:nonsense@${digest}`, `@${digest}`]) {
      const pulled = await fixture.pull(`oci://${registry.host}/team/m${version}`);
      assert.deepEqual(await filesBelow(pulled.path), ["config.json", "model.onnx"]);
      assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
      assert.equal(pulled.sizeBytes, model.length + 2);
      await pulled.release();
    }
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
  });

  it("takes the manifest for this machine from an index", async () => {
    const digest = registry.push("team/m", "own", imageConfig, image);
    const other = registry.push("team/m", "other", imageConfig, image.slice(0, 1));
    const row = (each: string, platform: object) => ({ digest: each, size: 1, platform });
    const arch = process.arch === "x64" ? "amd64" : process.arch;
    const manifests = [
      row(other, { os: "unknown", architecture: "unknown" }),
      row(other, { os: "linux", architecture: "s390x" }),
      row(digest, { os: "linux", architecture: arch }),
    ];
    registry.put("team/m", "v1", { schemaVersion: 2, manifests }, indexType);
    const pulled = await pullImage();
    assert.deepEqual(await filesBelow(pulled.path), ["config.json", "model.onnx"]);
    const strange = [
      row(other, { os: "linux", architecture: "s390x" }),
      row(other, { os: "windows", architecture: arch }),
    ];
    registry.put("team/m", "v1", { schemaVersion: 2, manifests: strange }, indexType);
    await assert.rejects(pullImage(), {
      kind: "failed-precondition",
      message: new RegExp(`is not for linux/${arch}; seen: linux/s390x, windows/${arch}`),
    });
  });

  it("refuses one that has nothing in /models, and one that is not there", async () => {
    registry.push("team/m", "v1", imageConfig, image.slice(0, 1));
    await assert.rejects(pullImage(), {
      kind: "failed-precondition",
      message: /team\/m has no files in \/models/,
    });
    await assert.rejects(fixture.pull(`oci://${registry.host}/team/none:v1`), {
      kind: "failed-precondition",
      message: /team\/none:v1 does not exist/,
    });
    await assert.rejects(fixture.pull("oci://team/m"), {
      kind: "invalid-argument",
      message: /does not name an image, expected oci:\/\/registry/,
    });
    assert.deepEqual(await fixture.left(), []);
  });

  it("refuses manifests that are not those of their digests", async () => {
    const digest = registry.push("team/m", "v1", imageConfig, image);
    const bytes = Buffer.from('{"layers":[]}');
    registry.replace("team/m", digest, { type: "application/json", bytes });
    await assert.rejects(fixture.pull(`oci://${registry.host}/team/m@${digest}`), {
      kind: "failed-precondition",
      message: /has the sha256 digest [\da-f]{64}, expected/,
    });
  });

  it("goes on where the connection broke, and starts over after damage", async () => {
    const path = registry.pathOf(packed);
    registry.store.fail(path, { cutAfter: 200_000 }, { status: 503 }, { hangAfter: 200_000 });
    const pulled = await pullImage();
    assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
    const ranges = registry.store.requests.filter((each) => each.path === path);
    assert.match(ranges.at(-1)?.range ?? "", /^bytes=[2-9]\d{5}-$/);
    await pulled.release();
    registry.store.fail(path, { corrupt: true });
    const again = await pullImage();
    assert.deepEqual(await readFile(join(again.path, "model.onnx")), model);
  });

  it("leaves nothing of layers that are not those of their digests", async () => {
    registry.store.put(registry.pathOf(packed), randomBytes(packed.length));
    await assert.rejects(pullImage(), {
      kind: "failed-precondition",
      message: /layer 2 \(sha256:.*has the sha256 checksum/,
    });
    assert.deepEqual(await fixture.left(), []);
  });

  it("leaves nothing of layers that are damaged although their digests are right", async () => {
    const cut = packed.subarray(0, packed.length - 5_000);
    registry.push("team/m", "v1", imageConfig, [{ mediaType: `${layerType}+gzip`, bytes: cut }]);
    await assert.rejects(pullImage(), { kind: "invalid-argument", message: /ends too early/ });
    const link = makeTar([{ name: "models/a", type: "2", target: "../../etc/passwd" }]);
    registry.push("team/m", "v1", imageConfig, [{ mediaType: layerType, bytes: link }]);
    await assert.rejects(pullImage(), { kind: "invalid-argument", message: /leads out/ });
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
  });

  it("leaves nothing when it is cancelled half way, and when the disk is full", async () => {
    const controller = new AbortController();
    const watch = {
      signal: controller.signal,
      onProgress: ({ receivedBytes }: { receivedBytes: number }) => {
        if (receivedBytes > 300_000) controller.abort(new Error("enough"));
      },
    };
    await assert.rejects(
      fixture.pull(`oci://${registry.host}/team/m:v1`, {}, watch),
      /^Error: enough/,
    );
    assert.deepEqual(await fixture.left(), []);
    await waitFor(() => registry.store.sockets.size === 0);
    for (const limitBytes of [500_000, 900_000]) {
      const small = await createPuller({ limitBytes });
      const pulling = small.pull(`oci://${registry.host}/team/m:v1`);
      // First the layers do not fit, then layers and files together.
      await assert.rejects(pulling, { kind: "over-budget" });
      assert.deepEqual(await small.left(), []);
      await small.close();
    }
  });
});

describe("a pull of an artifact", () => {
  const file = (name: string, bytes: Buffer | string, mediaType = layerType): Layer => ({
    mediaType,
    bytes: Buffer.from(bytes),
    annotations: { [title]: name },
  });

  it("brings files by their titles, and folders that ORAS has packed", async () => {
    const folder = gzipSync(makeTar([{ name: "tokenizer/vocab.txt", bytes: "vocab" }]));
    registry.push("team/m", "v1", emptyConfig, [
      file("./model.onnx", model),
      file("onnx/config.json", "{}", "application/json"),
      {
        mediaType: `${layerType}+gzip`,
        bytes: folder,
        annotations: { [title]: "tokenizer", "io.deis.oras.content.unpack": "true" },
      },
    ]);
    const pulled = await pullImage();
    const names = ["model.onnx", "onnx/config.json", "tokenizer/vocab.txt"];
    assert.deepEqual(await filesBelow(pulled.path), names);
    assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
  });

  it("brings what ModelPack calls weights and configuration, without data sets and documents", async () => {
    const type = (kind: string) => `application/vnd.cncf.model.${kind}`;
    registry.push("team/m", "v1", type("config.v1+json"), [
      { mediaType: type("weight.v1.tar"), bytes: makeTar([{ name: "model.onnx", bytes: model }]) },
      {
        mediaType: type("weight.config.v1.raw"),
        bytes: Buffer.from("{}"),
        annotations: { "org.cncf.model.filepath": "config.json" },
      },
      { mediaType: type("dataset.v1.tar"), bytes: makeTar([{ name: "data.csv", bytes: "1" }]) },
      { mediaType: type("doc.v1.tar"), bytes: makeTar([{ name: "README.md", bytes: "#" }]) },
    ]);
    const pulled = await pullImage();
    assert.deepEqual(await filesBelow(pulled.path), ["config.json", "model.onnx"]);
  });

  it("unpacks its only file if that is an archive", async () => {
    registry.push("team/m", "v1", emptyConfig, [file("model.tar.gz", packed)]);
    const pulled = await pullImage();
    assert.deepEqual(await filesBelow(pulled.path), ["models/model.onnx"]);
  });

  for (const name of ["../model.onnx", "a/../../b", ""]) {
    it(`refuses the title '${name}'`, async () => {
      registry.push("team/m", "v1", emptyConfig, [file(name, "x"), file("b", "x")]);
      await assert.rejects(pullImage(), /cannot be the name|empty/);
      assert.deepEqual(await fixture.left(), []);
    });
  }

  it("refuses two files of one name, and files without one", async () => {
    registry.push("team/m", "v1", emptyConfig, [file("a", "x"), file("./a", "y")]);
    await assert.rejects(pullImage(), /it has 'a' twice/);
    registry.push("team/m", "v1", emptyConfig, [{ mediaType: "a/b", bytes: Buffer.from("x") }]);
    await assert.rejects(pullImage(), /layer 1 of the type 'a\/b' has no org\.opencontainers/);
  });
});

describe("the login of a registry", () => {
  beforeEach(() => registry.push("team/m", "v1", imageConfig, image));
  const bearer = { kind: "bearer" as const, ...own, refreshToken: "refresh" };
  const packedLogin = Buffer.from(`${own.username}:${own.password}`).toString("base64");

  it("is a name and a password of the storage configuration, for its registry only", async () => {
    registry.login = { kind: "basic", ...own };
    await fixture.configure("here", { type: "oci", registry: registry.host, ...own });
    await (await pullImage({ storage_key: "here" })).release();
    await fixture.configure("there", { type: "oci", registry: "registry.example", ...own });
    await assert.rejects(pullImage({ storage_key: "there" }), {
      kind: "failed-precondition",
      message: /access denied.*login of the storage configuration is for registry\.example/,
    });
    await fixture.configure("anywhere", { type: "oci", ...own });
    await assert.rejects(pullImage({ storage_key: "anywhere" }), { kind: "invalid-argument" });
  });

  it("is asked for a token, which is for one repository and used again", async () => {
    registry.login = bearer;
    const config = { type: "oci", dockerconfigjson: auths({ auth: packedLogin }) };
    await fixture.configure("default_oci", config);
    await pullImage();
    assert.equal(registry.tokenRequests.length, 1);
    const { facts } = registry.tokenRequests[0] ?? assert.fail();
    assert.equal(facts.get("scope"), "repository:team/m:pull");
    assert.equal(facts.get("service"), "the, registry");
  });

  it("is asked for another token when one is too old", async () => {
    registry.login = bearer;
    registry.tokenUses = 2;
    const config = { type: "oci", dockerconfigjson: JSON.stringify(auths({ auth: packedLogin })) };
    await fixture.configure("default_oci", config);
    const pulled = await pullImage();
    assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
    assert.ok(registry.tokenRequests.length > 1);
  });

  it("is an identity that is exchanged for a token, or a token itself", async () => {
    registry.login = bearer;
    const identity = { type: "oci", dockerconfigjson: auths({ identitytoken: "refresh" }) };
    await fixture.configure("default_oci", identity);
    await (await pullImage()).release();
    const { facts } = registry.tokenRequests[0] ?? assert.fail();
    assert.equal(facts.get("grant_type"), "refresh_token");
    await fixture.configure("default_oci", {
      type: "oci",
      registry: registry.host,
      token: "token-1",
    });
    await pullImage();
    assert.equal(registry.tokenRequests.length, 1);
  });

  it("is read from Docker's configuration, or from a secret of Kubernetes", async () => {
    registry.login = { kind: "basic", ...own };
    for (const name of ["config.json", ".dockerconfigjson"]) {
      const dockerConfigDirectory = join(fixture.folder, `docker-${name}`);
      await mkdir(dockerConfigDirectory);
      await writeFile(
        join(dockerConfigDirectory, name),
        JSON.stringify({ auths: { [`https://${registry.host}/`]: { auth: packedLogin } } }),
      );
      const puller = await createPuller({ dockerConfigDirectory });
      const pulled = await puller.pull(`oci://${registry.host}/team/m:v1`);
      assert.deepEqual(await filesBelow(pulled.path), ["config.json", "model.onnx"]);
      await puller.close();
    }
  });

  it("goes to no server that blobs lie on", async () => {
    registry.login = { kind: "basic", ...own };
    await fixture.configure("here", { type: "oci", registry: registry.host, ...own });
    await pullImage({ storage_key: "here" });
    assert.equal(registry.store.requests.length, image.length);
    assert.ok(registry.store.requests.every(({ headers }) => headers.authorization === undefined));
  });

  it("is told to be missing or wrong, and is not shown", async () => {
    registry.login = { kind: "basic", ...own };
    await assert.rejects(pullImage(), /access denied: it asks for a password; there is no login/);
    for (const login of [registry.login, bearer]) {
      registry.login = login;
      const wrong = Buffer.from("me:guessed").toString("base64");
      await fixture.configure("default_oci", {
        type: "oci",
        dockerconfigjson: auths({ auth: wrong }),
      });
      await assert.rejects(pullImage(), (error: Error) => {
        assert.match(error.message, /access denied: status 401; its login is not accepted/);
        assert.doesNotMatch(error.message, /guessed|Basic/);
        return true;
      });
    }
    await fixture.configure("default_oci", {
      type: "oci",
      dockerconfigjson: { credHelpers: { [registry.host]: "ecr-login" } },
    });
    await assert.rejects(
      pullImage(),
      /credential helper 'ecr-login', which Modelport does not run/,
    );
    assert.deepEqual(await fixture.left(), []);
  });

  it("is not sent to a token server that is none", async () => {
    registry.login = bearer;
    registry.realm = "ftp://elsewhere/token";
    await fixture.configure("default_oci", {
      type: "oci",
      dockerconfigjson: auths({ auth: packedLogin }),
    });
    await assert.rejects(pullImage(), /names 'ftp:\/\/elsewhere\/token' as its token server/);
  });

  it("is checked again for an image that is here already, by the digest of a tag", async () => {
    const pulled = await pullImage();
    assert.equal(digestOf(packed).length, 71);
    const blobs = registry.store.requests.length;
    const again = await pullImage();
    assert.equal(again.path, pulled.path);
    assert.equal(registry.store.requests.length, blobs);
  });
});
