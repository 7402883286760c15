import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { createPuller, filesBelow, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { waitFor } from "../support/wait-for.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import type { StorageServer } from "./storage-server.ts";

/** A store with an empty bucket. */
export interface Store extends StorageServer {
  put(key: string, bytes: Buffer): Promise<void>;
  /** The storage configuration for it, through a proxy at this port. */
  config(port: number): object;
  /** The same with credentials that are wrong; undefined if the server does not look at them. */
  wrongConfig(port: number): object | undefined;
  /** Storage parameters that name a bucket that is not there. */
  readonly noBucket: Readonly<Record<string, string>>;
  /** Whether keys are paths of files, or names, or anything at all, dots for folders included. */
  readonly keys: "paths" | "names" | "anything";
}

const model = randomBytes(3_000_000);
const byKey = { storage_key: "store" };

/** What holds for pulls from every store that knows only keys. */
export function describeStore(
  name: string,
  skip: string | false,
  startStore: () => Promise<Store>,
): void {
  describe(name, { skip }, () => {
    let store: Store;
    let proxy: CuttingProxy;
    let fixture: PullerFixture;

    before(async () => {
      store = await startStore();
      await Promise.all([
        store.put("m/mnist/model.onnx", model),
        store.put("m/mnist/1/weights.bin", Buffer.from("weights")),
        store.put("m/mnist/empty.txt", Buffer.alloc(0)),
        store.put("m/mnist2/model.onnx", Buffer.from("another model")),
        store.put("m/mnist.onnx", Buffer.from("a file")),
      ]);
      proxy = new CuttingProxy(store.port);
      await proxy.listen();
    });
    after(async () => {
      await proxy?.close();
      await store?.stop();
    });
    beforeEach(async () => {
      fixture = await createPuller();
      await fixture.configure("store", store.config(proxy.port));
    });
    afterEach(async () => {
      proxy.cuts = [];
      proxy.isDown = false;
      proxy.refusals = 0;
      await fixture.close();
    });

    it("brings a folder with all that is below it, and nothing that only starts like it", async () => {
      const pulled = await fixture.pull("m/mnist", byKey);
      assert.deepEqual(await filesBelow(pulled.path), ["1/weights.bin", "empty.txt", "model.onnx"]);
      assert.deepEqual(await readFile(join(pulled.path, "model.onnx")), model);
      assert.equal(pulled.sizeBytes, model.length + "weights".length);
      await pulled.release();
      assert.deepEqual(await fixture.left(), []);
    });

    it("takes slashes around the path for nothing", async () => {
      const pulled = await fixture.pull("/m/mnist/", byKey);
      assert.equal((await filesBelow(pulled.path)).length, 3);
    });

    it("brings a single file under its own name", async () => {
      const pulled = await fixture.pull("m/mnist.onnx", byKey);
      assert.match(pulled.path, /\/mnist\.onnx$/);
      assert.equal(await readFile(pulled.path, "utf8"), "a file");
    });

    it("brings more files than the store lists at once", async () => {
      const names = Array.from({ length: 1_050 }, (_, index) => `${index}.bin`);
      for (let at = 0; at < names.length; at += 50) {
        const some = names.slice(at, at + 50);
        await Promise.all(some.map((file) => store.put(`many/${file}`, Buffer.from(file))));
      }
      const warnings: Error[] = [];
      const note = (warning: Error) => warnings.push(warning);
      process.on("warning", note);
      const pulled = await fixture.pull("many", byKey);
      process.off("warning", note);
      assert.deepEqual(await filesBelow(pulled.path), [...names].sort());
      assert.equal(await readFile(join(pulled.path, "1049.bin"), "utf8"), "1049.bin");
      assert.deepEqual(warnings, []);
    });

    it("says what is not there", async () => {
      for (const path of ["m/mnis", "m/mnist/model", "nothing"]) {
        await assert.rejects(fixture.pull(path, byKey), {
          kind: "failed-precondition",
          message: new RegExp(`${path} does not exist`),
        });
      }
      const missing = { ...byKey, storage_params: store.noBucket };
      await assert.rejects(fixture.pull("m/mnist", missing), { kind: "failed-precondition" });
      assert.deepEqual(await fixture.left(), []);
    });

    it("does not remember a failure", async () => {
      const wrong = store.wrongConfig(proxy.port);
      if (wrong !== undefined) {
        await fixture.configure("store", wrong);
        await assert.rejects(fixture.pull("m/mnist", byKey), { kind: "failed-precondition" });
        await fixture.configure("store", store.config(proxy.port));
      }
      await assert.rejects(fixture.pull("m/none", byKey));
      assert.equal((await filesBelow((await fixture.pull("m/mnist", byKey)).path)).length, 3);
    });

    it("goes on when the store comes back", async () => {
      proxy.isDown = true;
      const pulling = fixture.pull("m/mnist", byKey);
      await waitFor(() => proxy.refusals === 3);
      proxy.isDown = false;
      assert.deepEqual(await readFile(join((await pulling).path, "model.onnx")), model);
    });

    it("goes on where connections broke", async () => {
      proxy.cuts = [500_000, 900_000, 700_000];
      const received: number[] = [];
      const pulled = await fixture.pull("m/mnist/model.onnx", byKey, {
        onProgress: ({ receivedBytes }) => received.push(receivedBytes),
      });
      assert.deepEqual(proxy.cuts, []);
      assert.deepEqual(await readFile(pulled.path), model);
      assert.deepEqual(
        received,
        [...received].sort((a, b) => a - b),
        "something came twice",
      );
    });

    it("leaves no file and no connection when it is cancelled half way", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const pulling = fixture.pull("m/mnist", byKey, {
        signal: controller.signal,
        onProgress: ({ receivedBytes, totalBytes = 0 }) => {
          if (receivedBytes > totalBytes / 2) controller.abort(reason);
        },
      });
      await assert.rejects(pulling, reason);
      assert.deepEqual(await fixture.left(), []);
      assert.equal(fixture.puller.reservedBytes, 0);
      await waitFor(() => proxy.sockets.size === 0);
    });

    it("leaves no connection when it is through", async () => {
      await fixture.pull("m/mnist", byKey);
      await waitFor(() => proxy.sockets.size === 0);
    });

    it("shares what it has, until that changes in the store", async () => {
      await store.put("shared/model.onnx", Buffer.from("one"));
      const [one, other] = await Promise.all([
        fixture.pull("shared", byKey),
        fixture.pull("shared", byKey),
      ]);
      assert.equal(one.path, other.path);
      const { ino } = await stat(join(one.path, "model.onnx"));
      const again = await fixture.pull("shared", byKey);
      assert.equal((await stat(join(again.path, "model.onnx"))).ino, ino);
      await store.put("shared/model.onnx", Buffer.from("two"));
      const changed = await fixture.pull("shared", byKey);
      assert.equal(await readFile(join(changed.path, "model.onnx"), "utf8"), "two");
      assert.equal(await readFile(join(one.path, "model.onnx"), "utf8"), "one");
    });

    it("leaves out keys that mark folders", async (t) => {
      if (store.keys === "paths") return t.skip("this server takes keys for paths");
      await store.put("marked/", Buffer.alloc(0));
      await store.put("marked/sub", Buffer.alloc(0));
      await store.put("marked/sub/model.onnx", Buffer.from("model"));
      const pulled = await fixture.pull("marked", byKey);
      assert.deepEqual(await filesBelow(pulled.path), ["sub/model.onnx"]);
    });

    it("refuses keys that lead out of the folder", async (t) => {
      if (store.keys !== "anything") return t.skip("this server has no such keys");
      await store.put("evil/model.onnx", Buffer.from("model"));
      await store.put("evil/../../../escaped", Buffer.from("gotcha"));
      await assert.rejects(fixture.pull("evil", byKey), { kind: "invalid-argument" });
      assert.deepEqual(await fixture.left(), []);
    });
  });
}
