import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { makeTar, type TarEntry } from "../support/archives/make-tar.ts";
import { FileServer } from "../support/fakes/file-server.ts";
import { HubServer } from "../support/fakes/hub-server.ts";
import { createPuller, filesBelow } from "../support/fakes/puller-fixture.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { TestSigner } from "../support/signing/signed-models.ts";

const model = Buffer.from(addConstant(1));

/** A folder with a model, and its signature inside. */
function signedEntries(folder: string, signer: TestSigner): TarEntry[] {
  const signed = join(folder, "signed");
  mkdirSync(signed, { recursive: true });
  writeFileSync(join(signed, "model.onnx"), model);
  return [
    { name: "model.onnx", bytes: model },
    { name: "model.sig", bytes: signer.sign(signed, ["model.onnx"]) },
  ];
}

describe("an archive where signatures are required", { timeout: 120_000 }, () => {
  let folder = "";
  let root = "";
  let served: Served | undefined;
  const store = new FileServer();
  const signer = new TestSigner();
  const pack = (entries: readonly TarEntry[]) => gzipSync(makeTar(entries));
  const unsigned = pack([{ name: "model.onnx", bytes: model }]);
  let signed = Buffer.alloc(0);
  let sealed = "";

  before(async () => {
    await store.listen();
    folder = await mkdtemp(join(tmpdir(), "modelport-signed-archives-"));
    root = join(folder, "models");
    mkdirSync(root);
    signed = pack(signedEntries(folder, signer));
    // As the official tool signs a single file.
    writeFileSync(join(folder, "packed.tar.gz"), unsigned);
    sealed = signer.sign(folder, ["packed.tar.gz"], (statement) => {
      const { predicate } = statement as { predicate: { resources: { name: string }[] } };
      Object.assign(predicate.resources[0] ?? {}, { name: "." });
    });
    served = await startServed([
      ...["--root-model-dir", root, "--model-signing", "require"],
      ...["--model-signing-keys", signer.writeKey(join(folder, "own.pub"))],
      ...["--pull-dir", join(folder, "pulled"), "--engine-hosts", "1"],
    ]);
  });
  after(async () => {
    await served?.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const load = async (modelId: string, modelPath: string) => {
    const response = await fetch(`http://127.0.0.1:${served?.port}/mmesh.ModelRuntime/loadModel`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ modelId, modelPath, modelType: "mt:onnx" }),
    });
    return { status: response.status, text: await response.text() };
  };
  /** Puts the archive, and a signature beside it, into the store or into the model directory. */
  const places = {
    "in a store": (name: string, bytes: Buffer, beside?: string) => {
      if (beside !== undefined) store.put(`/${name}.sig`, Buffer.from(beside));
      return store.put(`/${name}`, bytes);
    },
    "in the model directory": (name: string, bytes: Buffer, beside?: string) => {
      if (beside !== undefined) writeFileSync(join(root, `${name}.sig`), beside);
      writeFileSync(join(root, name), bytes);
      return name;
    },
  };

  it("is unpacked in a volume, without the signature beside it, which is reported", async () => {
    const fixture = await createPuller({ hasSignatures: true });
    try {
      const volume = join(fixture.settings.volumesDirectory, "claim");
      mkdirSync(volume);
      writeFileSync(join(volume, "iris.tar.gz"), signed);
      writeFileSync(join(volume, "iris.tar.gz.sig"), sealed);
      const pulled = await fixture.pull("pvc://claim/iris.tar.gz");
      assert.deepEqual(await filesBelow(pulled.path), ["model.onnx", "model.sig"]);
      assert.equal(pulled.archiveSignature, "iris.tar.gz.sig");
    } finally {
      await fixture.close();
    }
  });

  it("is unpacked if a repository of the hub has nothing else than it and its signature", async () => {
    const hub = new HubServer();
    await hub.listen();
    const fixture = await createPuller({ hubEndpoint: hub.origin, hasSignatures: true });
    try {
      hub.commit("owner/model", { "iris.tar.gz": signed, "iris.tar.gz.sig": sealed });
      for (const path of ["owner/model", "owner/model/iris.tar.gz"]) {
        const pulled = await fixture.pull(`hf://${path}`);
        assert.deepEqual(await filesBelow(pulled.path), ["model.onnx", "model.sig"], path);
        assert.equal(pulled.archiveSignature, "iris.tar.gz.sig", path);
      }
    } finally {
      await fixture.close();
      await hub.close();
    }
  });

  for (const [where, put] of Object.entries(places)) {
    const id = where.replaceAll(" ", "-");

    it(`is loaded if the signature in it is that of its files: ${where}`, async () => {
      const loaded = await load(`inside-${id}`, put("inside.tar.gz", signed));
      assert.equal(loaded.status, 200, loaded.text);
      const both = await load(`both-${id}`, put("both.tar.gz", signed, sealed));
      assert.equal(both.status, 200, both.text);
    });

    it(`is refused with a signature beside it alone, and told what to do: ${where}`, async () => {
      const refused = await load(`beside-${id}`, put("beside.tar.gz", unsigned, sealed));
      assert.notEqual(refused.status, 200);
      assert.match(refused.text, /beside\.tar\.gz\.sig signs the archive/);
      assert.match(refused.text, /sign the folder before it is packed/);
    });

    it(`is refused without a signature, and with one of other files: ${where}`, async () => {
      const without = await load(`without-${id}`, put("without.tar.gz", unsigned));
      assert.match(without.text, /MODEL_SIGNING requires: there is no signature/);
      const [, signature] = signedEntries(folder, signer);
      const other = { name: "model.onnx", bytes: Buffer.from(addConstant(2)) };
      const changed = put("changed.tar.gz", pack(signature ? [other, signature] : []), sealed);
      const refused = await load(`changed-${id}`, changed);
      assert.match(refused.text, /model\.onnx is not the file that was signed/);
    });
  }
});
