import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { HostQueue } from "../../../src/engine/host-queue.ts";
import { RuntimeError } from "../../../src/errors.ts";

const forever = new AbortController().signal;

/** A host that notes what it is sent and answers when told. */
class FakeHost {
  readonly log: string[] = [];
  readonly #answers = new Map<string, () => void>();
  readonly #failures = new Map<string, (error: Error) => void>();

  start(name: string): () => Promise<string> {
    return () => {
      this.log.push(name);
      return new Promise((resolve, reject) => {
        this.#answers.set(name, () => resolve(name));
        this.#failures.set(name, reject);
      });
    };
  }

  async answer(name: string): Promise<void> {
    const answer = this.#answers.get(name);
    assert.ok(answer, `${name} was not sent`);
    answer();
    await turn();
  }

  async fail(name: string, error: Error): Promise<void> {
    this.#failures.get(name)?.(error);
    await turn();
  }
}

function newQueue({ minAhead = 2, maxWaiting = 100, clock = { ms: 0 } } = {}) {
  const host = new FakeHost();
  const queue = new HostQueue({ minAhead, maxWaiting }, () => clock.ms);
  const owner = {};
  const run = (name: string, options: { signal?: AbortSignal; owner?: object } = {}) => {
    const result = queue.run({ owner, signal: forever, start: host.start(name), ...options });
    result.catch(() => {});
    return result;
  };
  const load = (name: string, signal = forever) => {
    const result = queue.load(host.start(name), signal);
    result.catch(() => {});
    return result;
  };
  return { host, queue, owner, run, load };
}

describe("a host queue", () => {
  it("sends runs in order, two ahead at most as long as it knows nothing of them", async () => {
    const clock = { ms: 0 };
    const { host, run } = newQueue({ clock });
    const results = ["a", "b", "c", "d"].map((name) => run(name));
    assert.deepEqual(host.log, ["a", "b"]);
    clock.ms = 10;
    await host.answer("a");
    assert.deepEqual(host.log, ["a", "b", "c"]);
    for (const name of ["b", "c", "d"]) await host.answer(name);
    assert.deepEqual(await Promise.all(results), ["a", "b", "c", "d"]);
  });

  it("sends more ahead once a model's runs have proven short, and no more after a long one", async () => {
    const clock = { ms: 0 };
    const { host, run } = newQueue({ clock });
    const answer = async (name: string, tookMs: number) => {
      clock.ms += tookMs;
      await host.answer(name);
    };
    void run("first");
    await answer("first", 0.1);
    for (let index = 0; index < 40; index++) void run(`${index}`);
    assert.equal(host.log.length, 1 + 10, "a millisecond's worth");
    await answer("0", 0.1);
    assert.equal(host.log.length, 1 + 11);
    await answer("1", 7);
    assert.equal(host.log.length, 1 + 11);
    for (let index = 2; index < 9; index++) await answer(`${index}`, 7);
    assert.equal(host.log.length, 1 + 11, "two are there still");
    await answer("9", 7);
    assert.equal(host.log.length, 1 + 12);
    // Another model's runs are not trusted because of this one's.
    void run("other", { owner: {} });
    assert.equal(host.log.length, 1 + 12);
  });

  it("drops a waiting run whose signal aborts, and never sends it", async () => {
    const { host, run } = newQueue({ minAhead: 1 });
    const abort = new AbortController();
    void run("a");
    const dropped = run("b", { signal: abort.signal });
    void run("c");
    const reason = new Error("gone");
    abort.abort(reason);
    await assert.rejects(dropped, reason);
    await host.answer("a");
    await host.answer("c");
    assert.deepEqual(host.log, ["a", "c"]);
  });

  it("rejects a sent run at its signal's abort, but keeps its place until the host answers", async () => {
    const { host, queue, run } = newQueue({ minAhead: 1 });
    const abort = new AbortController();
    const aborted = run("a", { signal: abort.signal });
    void run("b");
    abort.abort(new Error("gone"));
    await assert.rejects(aborted, { message: "gone" });
    assert.deepEqual(host.log, ["a"]);
    assert.equal(queue.front?.isWanted, false);
    await host.answer("a");
    assert.deepEqual(host.log, ["a", "b"]);
    assert.equal(queue.front?.isWanted, true);
  });

  it("does not take a run whose signal has aborted already", async () => {
    const { host, run, load } = newQueue();
    const signal = AbortSignal.abort(new Error("gone"));
    await assert.rejects(run("a", { signal }), { message: "gone" });
    await assert.rejects(load("b", signal), { message: "gone" });
    assert.deepEqual(host.log, []);
  });

  it("refuses runs over its limit as overloaded, and takes more once there is room", async () => {
    const { host, run } = newQueue({ minAhead: 1, maxWaiting: 2 });
    for (const name of ["a", "b", "c"]) void run(name);
    await assert.rejects(run("d"), { kind: "overloaded" });
    await host.answer("a");
    const taken = run("e");
    for (const name of ["b", "c", "e"]) await host.answer(name);
    assert.equal(await taken, "e");
  });

  it("goes on after a run that fails, and after one that cannot even start", async () => {
    const { host, queue, owner, run } = newQueue({ minAhead: 1 });
    const failed = run("a");
    const broken = queue.run({
      owner,
      signal: forever,
      start: () => {
        throw new Error("no start");
      },
    });
    broken.catch(() => {});
    const last = run("c");
    await host.fail("a", new Error("failed"));
    await assert.rejects(failed, { message: "failed" });
    await assert.rejects(broken, { message: "no start" });
    await host.answer("c");
    assert.equal(await last, "c");
  });

  it("cancels the waiting runs of one owner only", async () => {
    const { host, queue, run } = newQueue({ minAhead: 1 });
    const other = {};
    const sent = run("a");
    const waiting = run("b");
    const others = run("c", { owner: other });
    queue.cancel(queue.front?.owner ?? {}, new RuntimeError("aborted", "unloaded"));
    await assert.rejects(waiting, { kind: "aborted" });
    await host.answer("a");
    await host.answer("c");
    assert.deepEqual(await Promise.all([sent, others]), ["a", "c"]);
  });

  it("sends a load only to a host without work, and nothing else meanwhile", async () => {
    const { host, run, load } = newQueue();
    void run("a");
    void run("b");
    const loaded = load("load");
    void run("c");
    await host.answer("a");
    assert.deepEqual(host.log, ["a", "b"], "c waits behind the load");
    await host.answer("b");
    assert.deepEqual(host.log, ["a", "b", "load"]);
    await host.answer("load");
    assert.equal(await loaded, "load");
    assert.deepEqual(host.log, ["a", "b", "load", "c"]);
  });

  it("lets runs and loads take turns", async () => {
    const { host, run, load } = newQueue({ minAhead: 1 });
    for (const name of ["load1", "load2"]) void load(name);
    for (const name of ["a", "b", "c"]) void run(name);
    for (const name of ["load1", "a", "load2", "b", "c"]) await host.answer(name);
    assert.deepEqual(host.log, ["load1", "a", "load2", "b", "c"]);
  });

  it("drops a waiting load whose signal aborts, and lets the runs behind it pass", async () => {
    const { host, run, load } = newQueue();
    void run("a");
    const abort = new AbortController();
    const dropped = load("load", abort.signal);
    void run("b");
    assert.deepEqual(host.log, ["a"]);
    abort.abort(new Error("gone"));
    await assert.rejects(dropped, { message: "gone" });
    assert.deepEqual(host.log, ["a", "b"]);
  });

  it("leaves a load that the host has to its end, whatever its signal says", async () => {
    const { host, load } = newQueue();
    const abort = new AbortController();
    const loaded = load("load", abort.signal);
    abort.abort();
    await host.answer("load");
    assert.equal(await loaded, "load");
  });

  it("leaves no listener behind on a signal that never aborts", async () => {
    const { host, queue, run, load } = newQueue({ minAhead: 1 });
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    void run("a", { signal });
    const owner = {};
    void run("cancelled", { signal, owner });
    void load("load", signal);
    queue.cancel(owner, new RuntimeError("aborted", "unloaded"));
    await host.answer("a");
    await host.answer("load");
    assert.equal(listeners, 0);
  });
});
