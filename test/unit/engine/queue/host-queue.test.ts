import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  HostQueue,
  type HostRun,
  type RunSource,
} from "../../../../src/engine/queue/host-queue.ts";

const forever = new AbortController().signal;

/** The runs of one model: names that are sent when the queue asks for them. */
class FakeSource implements RunSource {
  readonly sent: string[] = [];
  joins = false;
  expectedMs = Number.POSITIVE_INFINITY;
  /** Has runs, but may not send them. */
  isBlocked = false;
  readonly #waiting: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #log: string[];

  constructor(log: string[]) {
    this.#log = log;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(...names: string[]): void {
    this.#waiting.push(...names);
  }

  next(): HostRun | undefined {
    const name = this.isBlocked ? undefined : this.#waiting.shift();
    if (name === undefined) return undefined;
    return {
      owner: this,
      isWanted: true,
      limitMs: 0,
      giveUp: () => {},
      start: (done) => {
        this.#log.push(name);
        if (name.startsWith("refused")) done();
        else this.#ends.set(name, done);
      },
    };
  }

  /** The host answers. */
  end(name: string): void {
    const end = this.#ends.get(name);
    assert.ok(end, `${name} was not sent`);
    end();
  }
}

/** A queue, what it sent in order, and its next turn of the event loop, which the test decides on. */
function newQueue() {
  const log: string[] = [];
  const callbacks: (() => void)[] = [];
  const queue = new HostQueue((callback) => callbacks.push(callback));
  const nextTurn = () => {
    for (const callback of callbacks.splice(0)) callback();
  };
  const source = (...names: string[]) => {
    const made = new FakeSource(log);
    made.add(...names);
    return made;
  };
  const loads = new Map<string, () => void>();
  const load = (name: string, signal = forever) => {
    const start = () => {
      log.push(name);
      return new Promise<string>((resolve) => loads.set(name, () => resolve(name)));
    };
    const loaded = queue.load(start, signal);
    loaded.catch(() => {});
    return loaded;
  };
  const endLoad = async (name: string) => {
    loads.get(name)?.();
    await turn();
  };
  return { queue, log, nextTurn, source, load, endLoad };
}

describe("a host queue", () => {
  it("sends to an idle host at once: one run to execute and one to follow it", () => {
    const { queue, log, source, nextTurn } = newQueue();
    const model = source("a", "b", "c", "d");
    queue.offer(model);
    assert.deepEqual(log, ["a", "b"]);
    model.end("a");
    nextTurn();
    assert.deepEqual(log, ["a", "b", "c"]);
    model.end("b");
    model.end("c");
    assert.deepEqual(log, ["a", "b", "c", "d"], "an idle host does not wait for the next turn");
  });

  it("sends to a busy host once in a turn of the event loop", () => {
    const { queue, log, source, nextTurn } = newQueue();
    const model = source("a");
    queue.offer(model);
    model.add("b");
    queue.offer(model);
    assert.deepEqual(log, ["a"]);
    nextTurn();
    assert.deepEqual(log, ["a", "b"]);
  });

  it("sends a millisecond's worth of short runs ahead, at most 32", () => {
    const { queue, log, source } = newQueue();
    const names = Array.from({ length: 40 }, (_, index) => `${index}`);
    const model = source(...names);
    model.expectedMs = 0.125;
    queue.offer(model);
    assert.equal(log.length, 8);
    const shorter = newQueue();
    const tiny = shorter.source(...names);
    tiny.expectedMs = 0.001;
    shorter.queue.offer(tiny);
    assert.equal(shorter.log.length, 32);
  });

  it("does not send ahead what is joined while it waits, however short", () => {
    const { queue, log, source } = newQueue();
    const model = source("a", "b", "c");
    model.expectedMs = 0.001;
    model.joins = true;
    queue.offer(model);
    assert.deepEqual(log, ["a", "b"]);
  });

  it("does not trust one model's runs because of another's", () => {
    const { queue, log, source, nextTurn } = newQueue();
    const short = source("a", "b", "c");
    short.expectedMs = 0.1;
    queue.offer(short);
    queue.offer(source("unknown"));
    nextTurn();
    assert.deepEqual(log, ["a", "b", "c"]);
  });

  it("lets models take turns, so that a flood for one does not hold up another", () => {
    const { queue, log, source, nextTurn } = newQueue();
    const flood = source("a1", "a2", "a3", "a4");
    queue.offer(flood);
    const other = source("b1");
    queue.offer(other);
    flood.end("a1");
    nextTurn();
    flood.end("a2");
    nextTurn();
    assert.deepEqual(log, ["a1", "a2", "a3", "b1"]);
  });

  it("passes over a model that may not send, until it offers itself again", () => {
    const { queue, log, source, nextTurn } = newQueue();
    const blocked = source("a");
    blocked.isBlocked = true;
    queue.offer(blocked);
    const other = source("b");
    queue.offer(other);
    assert.deepEqual(log, ["b"]);
    blocked.isBlocked = false;
    queue.offer(blocked);
    nextTurn();
    assert.deepEqual(log, ["b", "a"]);
  });

  it("goes on after runs that end while they are being sent", () => {
    const { queue, log, source } = newQueue();
    const names = Array.from({ length: 5_000 }, (_, index) => `refused ${index}`);
    queue.offer(source(...names, "a"));
    assert.equal(log.length, 5_001);
    assert.equal(log.at(-1), "a");
  });

  it("knows what the host executes", () => {
    const { queue, source } = newQueue();
    const front = () => queue.front?.owner;
    assert.equal(front(), undefined);
    const model = source("a", "b");
    queue.offer(model);
    assert.equal(front(), model);
    model.end("a");
    model.end("b");
    assert.equal(front(), undefined);
  });
});

describe("a load in a host queue", () => {
  it("is sent only to a host without work, and nothing else meanwhile", async () => {
    const { queue, log, source, load, endLoad } = newQueue();
    const model = source("a", "b");
    queue.offer(model);
    const loaded = load("load");
    model.add("c");
    queue.offer(model);
    model.end("a");
    assert.deepEqual(log, ["a", "b"], "c waits behind the load");
    model.end("b");
    assert.deepEqual(log, ["a", "b", "load"]);
    await endLoad("load");
    assert.equal(await loaded, "load");
    assert.deepEqual(log, ["a", "b", "load", "c"]);
  });

  it("takes turns with runs", async () => {
    const { queue, log, source, load, endLoad } = newQueue();
    for (const name of ["load1", "load2"]) void load(name);
    const model = source("a", "b");
    queue.offer(model);
    await endLoad("load1");
    assert.deepEqual(log, ["load1", "a"]);
    model.end("a");
    await endLoad("load2");
    assert.deepEqual(log, ["load1", "a", "load2", "b"]);
  });

  it("that waits is dropped when its signal aborts, and the runs behind it pass", async () => {
    const { queue, log, source, load, nextTurn } = newQueue();
    const model = source("a");
    queue.offer(model);
    const abort = new AbortController();
    const dropped = load("load", abort.signal);
    model.add("b");
    queue.offer(model);
    nextTurn();
    assert.deepEqual(log, ["a"]);
    abort.abort(new Error("gone"));
    await assert.rejects(dropped, { message: "gone" });
    assert.deepEqual(log, ["a", "b"]);
    await assert.rejects(load("late", abort.signal), { message: "gone" });
  });

  it("that the host has is left to its end, whatever its signal says", async () => {
    const { load, endLoad } = newQueue();
    const abort = new AbortController();
    const loaded = load("load", abort.signal);
    abort.abort();
    await endLoad("load");
    assert.equal(await loaded, "load");
  });
});
