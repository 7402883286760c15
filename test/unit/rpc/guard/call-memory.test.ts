import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CallAccount, CallMemory, tooMuch } from "../../../../src/rpc/guard/call-memory.ts";

const kB = 1024;
const MiB = 1024 * kB;

/** So many calls, each on a connection of its own, oldest first. */
function openCalls(count: number, maxCallBytes = 10 * MiB): CallAccount[] {
  const memory = new CallMemory({ maxConnectionBytes: maxCallBytes, maxCallBytes });
  return Array.from({ length: count }, () =>
    memory.open({ giveWay: () => {}, movedMs: performance.now() }, {}),
  );
}

/** Whether `promise` has settled by the time that everything else that could happen has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("the memory of calls", () => {
  it("refuses what is too much, and takes it once others have given theirs back", () => {
    const [first, second] = openCalls(2) as [CallAccount, CallAccount];
    first.make(6 * MiB);
    assert.throws(() => second.make(6 * MiB), tooMuch);
    first.drop(6 * MiB);
    second.make(6 * MiB);
  });

  it("has room for small calls when large ones have taken everything", () => {
    const [large, small, other] = openCalls(3) as [CallAccount, CallAccount, CallAccount];
    large.make(10 * MiB);
    small.make(32 * kB);
    assert.throws(() => other.make(65 * kB), tooMuch);
    // Not for any number of them.
    assert.throws(() => {
      for (const each of openCalls(1000, 0)) each.make(64 * kB);
      for (let made = 0; made < 1000; made++) small.make(64 * kB);
    }, tooMuch);
  });
});

describe("a small call that is still arriving", () => {
  it("stays when large ones need room, unless there are very many of its kind", () => {
    const memory = new CallMemory({ maxConnectionBytes: 10 * MiB, maxCallBytes: 10 * MiB });
    const given: string[] = [];
    const open = (name: string) => {
      const giveWay = () => {
        given.push(name);
        account.close();
      };
      const account: CallAccount = memory.open({ giveWay, movedMs: performance.now() }, {});
      return account;
    };
    open("small").hold(kB);
    const large = open("large");
    large.hold(9 * MiB);
    open("larger").hold(9 * MiB);
    assert.deepEqual(given, ["large"]);
    open("asks for little").hold(kB);
    assert.deepEqual(given, ["large"]);
    const middling = open("middling");
    middling.hold(200 * kB);
    open("another large").hold(5 * MiB);
    assert.deepEqual(given, ["large", "another large"]);
    for (let at = 0; at < 200; at++) open("one of many").hold(60 * kB);
    assert.ok(given.includes("one of many"));
    assert.ok(!given.includes("larger"), "it has been chosen to arrive");
    assert.ok(memory.heldBytes <= 14 * MiB);
  });
});

describe("a call that has been chosen to arrive", () => {
  it("may go on for as long as it does arrive", (t) => {
    let nowMs = 0;
    t.mock.method(performance, "now", () => nowMs);
    const memory = new CallMemory({ maxConnectionBytes: 50 * MiB, maxCallBytes: 50 * MiB });
    const given: string[] = [];
    const open = (name: string) => {
      const giveWay = () => {
        given.push(name);
        account.close();
      };
      const account: CallAccount = memory.open({ giveWay, movedMs: performance.now() }, {});
      return account;
    };
    open("first").hold(40 * MiB);
    const chosen = open("chosen");
    chosen.hold(20 * MiB);
    assert.deepEqual(given, ["first"]);
    for (let step = 1; step <= 3; step++) {
      nowMs += 6_000;
      chosen.hold((20 + 5 * step) * MiB);
      open(`other ${step}`).hold(40 * MiB);
    }
    assert.deepEqual(given, ["first", "other 1", "other 2", "other 3"]);
    nowMs += 6_000;
    open("next").hold(40 * MiB);
    assert.equal(given.at(-1), "chosen", "it has stalled");
  });
});

describe("calls whose clients do not move", () => {
  it("are evicted before larger and older ones that arrive", () => {
    const memory = new CallMemory({ maxConnectionBytes: 10 * MiB, maxCallBytes: 10 * MiB });
    const evicted: string[] = [];
    const open = (name: string, { bytes, idleMs }: { bytes: number; idleMs: number }) => {
      const nowMs = performance.now();
      const giveWay = () => {
        evicted.push(name);
        account.close();
      };
      const account: CallAccount = memory.open({ giveWay, movedMs: nowMs - idleMs }, {});
      account.hold(bytes);
      return account;
    };
    const small = 48 * 1024;
    open("idle and small", { bytes: small, idleMs: 5_000 });
    open("idle and younger", { bytes: small, idleMs: 3_000 });
    open("large and at work", { bytes: 9 * MiB, idleMs: 10 });
    const next = open("next", { bytes: MiB - 2 * small, idleMs: 0 });
    assert.deepEqual(evicted, []);
    next.hold(MiB - small);
    assert.deepEqual(evicted, ["idle and small"], "no more than needed");
    next.hold(MiB);
    assert.deepEqual(evicted, ["idle and small", "idle and younger"]);
    next.hold(2 * MiB);
    assert.deepEqual(evicted.slice(2), ["large and at work"]);
  });
});

describe("calls with something that no usual client sends", () => {
  it("are evicted first, however new they are", () => {
    const memory = new CallMemory({ maxConnectionBytes: 10 * MiB, maxCallBytes: 10 * MiB });
    const evicted: string[] = [];
    const open = (name: string, bytes: number, isOdd = false) => {
      const giveWay = () => {
        evicted.push(name);
        account.close();
      };
      const call = { giveWay, movedMs: performance.now(), isOdd };
      const account: CallAccount = memory.open(call, {});
      account.hold(bytes);
    };
    open("usual", 9 * MiB);
    open("odd", MiB, true);
    open("next", MiB);
    open("last", 9 * MiB);
    assert.deepEqual(evicted, ["odd", "usual"]);
  });
});

describe("calls that arrive and are too much together", () => {
  it("give way to one of them until it has arrived, so that one always does", () => {
    const memory = new CallMemory({ maxConnectionBytes: 10 * MiB, maxCallBytes: 10 * MiB });
    const open = new Map<number, CallAccount>();
    let arrived = 0;
    let next = 0;
    const begin = () => {
      const id = next++;
      const account = memory.open(
        {
          movedMs: performance.now(),
          giveWay() {
            open.get(id)?.close();
            open.delete(id);
          },
        },
        {},
      );
      open.set(id, account);
    };
    const heldBytes = new Map<number, number>();
    for (let turn = 0; turn < 400; turn++) {
      while (open.size < 40) begin();
      for (const [id, account] of [...open]) {
        if (!open.has(id)) continue;
        const bytes = (heldBytes.get(id) ?? 0) + MiB;
        heldBytes.set(id, bytes);
        account.hold(bytes);
        if (!open.has(id) || bytes < 8 * MiB) continue;
        arrived += 1;
        account.close();
        open.delete(id);
      }
    }
    assert.ok(arrived > 10, `${arrived} of ${next} calls arrived`);
  });
});

describe("a call that waits for its turn to take memory", () => {
  it("takes it when another is over", async () => {
    const [first, second] = openCalls(2) as [CallAccount, CallAccount];
    first.make(8 * MiB);
    const waits = second.makeInTurn(4 * MiB);
    assert.equal(await isSettled(waits), false);
    first.close();
    await waits;
  });

  it("goes on where the others wait for it, of whom the youngest is refused", async () => {
    const [first, second, third] = openCalls(3) as [CallAccount, CallAccount, CallAccount];
    for (const each of [first, second, third]) each.make(3 * MiB);
    const oldest = first.makeInTurn(3 * MiB);
    const middle = second.makeInTurn(3 * MiB);
    assert.equal(await isSettled(oldest), false);
    // Nobody is left who works.
    const youngest = third.makeInTurn(3 * MiB);
    await assert.rejects(youngest, tooMuch);
    third.close();
    await oldest;
    assert.equal(await isSettled(middle), false);
    first.close();
    await middle;
  });

  it("is refused at once where nobody could give back what it needs", async () => {
    const [only] = openCalls(1) as [CallAccount];
    await assert.rejects(only.makeInTurn(11 * MiB), tooMuch);
  });

  it("is refused when it ends meanwhile", async () => {
    const [first, second] = openCalls(2) as [CallAccount, CallAccount];
    first.make(8 * MiB);
    const waits = second.makeInTurn(4 * MiB);
    second.close();
    await assert.rejects(waits, tooMuch);
  });

  it("gets through in the end, as all do, if there are many", async () => {
    let done = 0;
    const work = async (account: CallAccount) => {
      for (let step = 0; step < 4; step++) {
        await account.makeInTurn(MiB);
        await new Promise((resolve) => setImmediate(resolve));
      }
      done += 1;
    };
    const calls = openCalls(12);
    const ends = await Promise.allSettled(
      calls.map((account) => work(account).finally(() => account.close())),
    );
    assert.equal(ends[0]?.status, "fulfilled");
    assert.ok(done >= 2, `${done} calls got through`);
  });
});
