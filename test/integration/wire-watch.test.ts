import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { RuntimeError } from "../../src/base/errors.ts";
import type { ModelRecord } from "../../src/service/lifecycle/model-record.ts";
import { until } from "../support/clients/raw-http.ts";
import { type WatchReader, watchReaders } from "../support/clients/watch-readers.ts";
import { startFakeServer } from "../support/fakes/fake-server.ts";
import type { WatchFixture } from "../support/fakes/watch-fixture.ts";
import { viewOf, WatchReplica } from "../support/fakes/watch-replica.ts";

interface Watching {
  readonly replica: WatchReplica;
  /** Rejects with what the server ended the watch with. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

function startReading(t: TestContext, reader: WatchReader, port: number): Watching {
  const replica = new WatchReplica();
  const cancel = new AbortController();
  const ended = (async () => {
    for await (const response of reader.read(port, cancel.signal)) replica.take(response);
  })();
  ended.catch(() => {});
  const stop = () => {
    cancel.abort();
    return ended.catch(() => {});
  };
  t.after(stop);
  return { replica, ended, stop };
}

/** A few hundred changes of every kind, with pauses between some. Always the same ones. */
async function changeMuch(fixture: WatchFixture): Promise<void> {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const ready: ModelRecord[] = [];
  for (let step = 0; step < 300; step++) {
    const at = random(ready.length + 1);
    const record = ready[at];
    const choice = random(6);
    if (record === undefined || choice < 2) {
      const added = fixture.add(`m${random(40)}`);
      if (choice === 0) fixture.fail(added, new RuntimeError("load-failed", `step ${step}`));
      else {
        fixture.finishLoad(added, 10 + step);
        ready.push(added);
      }
    } else if (choice === 2) {
      fixture.unload(record);
      ready.splice(at, 1);
    } else if (choice === 3) {
      record.loseHost(new RuntimeError("host-lost", `step ${step}`));
      fixture.finishLoad(record, 10 + step);
    } else if (choice === 4) fixture.watch.note("runtime-ready");
    else record.statistics.noteSuccess(step);
    if (random(10) === 0) await sleep(15);
  }
}

const snapshotOf = async (port: number) => {
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const { snapshot } = await createClient(RuntimeWatchService, transport).getSnapshot({});
  return snapshot;
};

for (const reader of watchReaders) {
  describe(`watching by ${reader.name}`, { skip: reader.skip }, () => {
    it("leaves the reader with what is there: nothing missing, nothing twice", async (t) => {
      const { address, watched } = await startFakeServer(t);
      watched.finishLoad(watched.add("early"), 5);
      const { replica, stop } = startReading(t, reader, address.port);
      await until(() => replica.snapshotCount === 1, "the first snapshot");
      assert.equal(replica.models.size, 1);
      await changeMuch(watched);
      const last = watched.add("last");
      // Rates fall for ten seconds after the last inference, and each change of them is sent.
      await until(() => replica.models.has(BigInt(last.generation)), "the last change");
      const isSame = async () => {
        const { models = [], events = [] } = (await snapshotOf(address.port)) ?? {};
        const [here, there] = [replica.view, viewOf(models, events)].map((view) => ({
          models: view.models.map((model) => ({ ...(model as object), traffic: undefined })),
          events: view.events,
        }));
        assert.deepEqual(here, there);
      };
      await isSame();
      assert.equal(replica.snapshotCount, 1, "all the rest came in deltas");
      assert.ok(replica.messageCount > 3);
      assert.equal(replica.mayChangeModels, true);
      await stop();
      await until(() => watched.watch.snapshot().runtime?.watchers === 0, "the watch is over");
    });

    it("ends with UNAVAILABLE when the server closes, after the last changes", async (t) => {
      const { address, watched, server } = await startFakeServer(t);
      const { replica, ended } = startReading(t, reader, address.port);
      await until(() => replica.snapshotCount === 1, "the first snapshot");
      const closed = server.close();
      watched.watch.note("shutdown-started");
      await assert.rejects(ended, { code: Code.Unavailable });
      await closed;
      assert.equal(replica.events.at(-1)?.number, 1n);
      assert.equal(watched.watch.snapshot().runtime?.watchers, 0);
    });
  });
}

// Each reader has a server of its own, and mostly waits for updates.
describe("a reader who stops reading", { concurrency: 3 }, () => {
  for (const reader of watchReaders.filter(({ name }) => /^grpc-js$|h1$/.test(name))) {
    it(`by ${reader.name} gets all that he has missed in few messages`, async (t) => {
      const { address, watched } = await startFakeServer(t);
      // A message of all rows is a megabyte, more than the buffers on the way hold many of.
      const longPath = "p".repeat(20_000);
      const records = Array.from({ length: 50 }, (_, at) => watched.add(`m${at}`, longPath));
      for (const record of records) watched.finishLoad(record);
      const fast = startReading(t, reader, address.port);
      const slow = new WatchReplica();
      const cancel = new AbortController();
      t.after(async () => cancel.abort());
      const messages = reader.read(address.port, cancel.signal);
      const first = await messages.next();
      assert.ok(first.done === false);
      slow.take(first.value);
      await until(() => fast.replica.snapshotCount === 1, "the other's first snapshot");
      // From here on nobody asks `messages` for more.
      for (let round = 0; round < 60; round++) {
        const before = fast.replica.messageCount;
        for (const record of records) {
          record.loseHost(new RuntimeError("host-lost", `round ${round}`));
          watched.finishLoad(record);
        }
        await until(() => fast.replica.messageCount > before, "the other's next message");
      }
      while (slow.revision < fast.replica.revision) {
        const next = await messages.next();
        assert.ok(next.done === false);
        slow.take(next.value);
      }
      assert.ok(fast.replica.messageCount > 60);
      assert.ok(
        slow.messageCount < fast.replica.messageCount / 2,
        `${slow.messageCount} messages were kept for him, ${fast.replica.messageCount} sent to the other`,
      );
      await until(() => fast.replica.revision >= slow.revision, "both have the same");
      assert.deepEqual(slow.view.events.slice(-50), fast.replica.view.events.slice(-50));
      assert.deepEqual(
        slow.view.models.map((model) => (model as { reason: string }).reason),
        fast.replica.view.models.map((model) => (model as { reason: string }).reason),
      );
    });
  }
});

describe("the watch service", () => {
  it("answers a snapshot over Connect's GET, which caches and curl can do", async (t) => {
    const { address, watched } = await startFakeServer(t);
    watched.finishLoad(watched.add("m"), 5);
    const transport = createConnectTransport({
      baseUrl: `http://127.0.0.1:${address.port}`,
      httpVersion: "1.1",
      useHttpGet: true,
    });
    const { snapshot } = await createClient(RuntimeWatchService, transport).getSnapshot({});
    assert.equal(snapshot?.models[0]?.id, "m");
    assert.equal(snapshot?.runtime?.usedBytes, 5n);
    assert.equal(snapshot?.runtime?.freeBytes, 999_995n);
    assert.ok((snapshot?.runtime?.connections ?? 0) >= 1);
  });

  it("tells a caller on this machine that it may change models, and a page of another site nothing", async (t) => {
    const { address } = await startFakeServer(t);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${address.port}` });
    const client = createClient(RuntimeWatchService, transport);
    const { caller } = await client.getSnapshot({});
    assert.equal(caller?.mayChangeModels, true);
    for await (const response of client.watch({})) {
      assert.equal(response.caller?.mayChangeModels, true);
      break;
    }
    const headers = { origin: "https://elsewhere.example" };
    await assert.rejects(client.getSnapshot({}, { headers }), { code: Code.PermissionDenied });
    const stream = client.watch({}, { headers })[Symbol.asyncIterator]();
    await assert.rejects(stream.next(), { code: Code.PermissionDenied });
  });

  it("sends several changes within an interval as one message", async (t) => {
    const { address, watched } = await startFakeServer(t);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${address.port}` });
    const stream = createClient(RuntimeWatchService, transport).watch({ minIntervalMs: 1_000 });
    const messages = stream[Symbol.asyncIterator]();
    await messages.next();
    for (let at = 0; at < 10; at++) watched.finishLoad(watched.add(`m${at}`));
    for (;;) {
      const { value } = await messages.next();
      // There may be one about the runtime's own figures before.
      if (value?.update.value?.models.length === 0) continue;
      assert.equal(value?.update.case, "delta");
      assert.equal(value.update.value.models.length, 10);
      break;
    }
    await messages.return?.();
  });

  it("refuses JSON lines with an interval that is not a number, and has no endless HEAD", async (t) => {
    const { address } = await startFakeServer(t);
    const url = `http://127.0.0.1:${address.port}/modelport/v1/watch`;
    for (const interval of ["fast", "-1", "1.5", "1e3", "9999999999"]) {
      const answer = await fetch(`${url}?minIntervalMs=${interval}`);
      assert.equal(answer.status, 400, interval);
      assert.match(((await answer.json()) as { error: string }).error, /minIntervalMs must be/);
    }
    assert.equal((await fetch(url, { method: "HEAD" })).status, 404);
    assert.equal((await fetch(url, { method: "POST" })).status, 404);
  });
});
