import assert from "node:assert/strict";
import { existsSync, fstatSync } from "node:fs";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { FrameReader, frameKind, writeFrame } from "../../../../src/engine/wire/host-protocol.ts";
import { PayloadArena, StoredPayloads } from "../../../../src/engine/wire/payload-arena.ts";

const mebibyte = 1024 * 1024;
const skip = existsSync("/dev/shm") ? false : "no /dev/shm here";

function withArena(test: (arena: PayloadArena) => void): void {
  const arena = PayloadArena.open();
  assert.ok(arena);
  try {
    test(arena);
  } finally {
    arena.close();
  }
}

function read(arena: PayloadArena, place: Parameters<StoredPayloads["read"]>[0]): Uint8Array {
  return new StoredPayloads(arena.fd).read(place);
}

function store(arena: PayloadArena, sizeBytes: number, fill: number) {
  return arena.store([Buffer.alloc(sizeBytes, fill)], sizeBytes);
}

describe("an arena of payloads", { skip }, () => {
  it("gives back what was stored, put together from its pieces", () => {
    withArena((arena) => {
      const pieces = [Buffer.alloc(50_000, 1), Buffer.alloc(0), Buffer.alloc(70_001, 2)];
      const stored = arena.store(pieces, 120_001);
      assert.ok(stored);
      assert.deepEqual(Buffer.from(read(arena, stored)), Buffer.concat(pieces));
    });
  });

  it("takes neither small payloads nor very large ones", () => {
    withArena((arena) => {
      assert.equal(store(arena, 64 * 1024 - 1, 1), undefined);
      assert.equal(store(arena, 4 * mebibyte + 1, 1), undefined);
      assert.ok(store(arena, 4 * mebibyte, 1));
    });
  });

  it("takes no more than there is room for, and goes on when the oldest is released", () => {
    withArena((arena) => {
      const stored = [1, 2, 3].map((fill) => store(arena, 2.5 * mebibyte, fill));
      assert.equal(store(arena, mebibyte, 4), undefined);
      // Room follows only from the oldest on.
      stored[1]?.release();
      assert.equal(store(arena, mebibyte, 4), undefined);
      stored[0]?.release();
      const fourth = store(arena, 4 * mebibyte, 4);
      assert.equal(fourth?.offset, 0);
      assert.equal(read(arena, stored[2] ?? { offset: 0, sizeBytes: 0 })[0], 3);
    });
  });

  it("never overwrites what is stored, whatever the order", () => {
    withArena((arena) => {
      const held: {
        readonly fill: number;
        readonly stored: NonNullable<ReturnType<typeof store>>;
      }[] = [];
      let fill = 0;
      for (let round = 0; round < 100; round++) {
        fill = (fill + 1) % 251;
        const sizeBytes = 64 * 1024 + ((round * 7919) % (3 * mebibyte));
        const stored = store(arena, sizeBytes, fill);
        if (stored !== undefined) held.push({ fill, stored });
        for (const each of held) {
          const content = read(arena, each.stored);
          assert.ok(content[0] === each.fill && content.at(-1) === each.fill);
        }
        if (stored === undefined || round % 3 === 0) held.shift()?.stored.release();
      }
      assert.ok(held.length > 0);
    });
  });

  it("gives its memory back when it has been empty for five seconds", ({ mock }) => {
    mock.timers.enable({ apis: ["setTimeout"] });
    withArena((arena) => {
      const blocks = () => fstatSync(arena.fd).blocks;
      const first = store(arena, mebibyte, 1);
      mock.timers.tick(10_000);
      assert.ok(blocks() > 0);
      first?.release();
      mock.timers.tick(4_000);
      const second = store(arena, mebibyte, 2);
      mock.timers.tick(4_000);
      assert.equal(second && read(arena, second)[0], 2);
      second?.release();
      mock.timers.tick(5_000);
      assert.equal(blocks(), 0);
    });
  });

  it("stores nothing once it is closed", () => {
    withArena((arena) => {
      const stored = store(arena, mebibyte, 1);
      arena.close();
      stored?.release();
      assert.equal(store(arena, mebibyte, 1), undefined);
    });
  });
});

describe("the reader of an arena", { skip }, () => {
  it("reads into a buffer that was given back, and into no other that it gave", () => {
    withArena((arena) => {
      const places = [1, 2, 3].map((fill) => store(arena, 600_000 + fill, fill));
      const payloads = new StoredPayloads(arena.fd);
      const [first, second] = places.map((place) => place && payloads.read(place));
      assert.ok(first && second);
      assert.notEqual(first.buffer, second.buffer);
      payloads.giveBack(first);
      const third = places[2] && payloads.read(places[2]);
      assert.equal(third?.buffer, first.buffer);
      assert.ok(third.length === 600_003 && third[0] === 3 && third.at(-1) === 3);
      assert.equal(second[0], 2);
    });
  });

  it("keeps two buffers at most, of the sizes that came last, and none when told", () => {
    withArena((arena) => {
      const small = store(arena, 100_000, 1);
      const large = store(arena, mebibyte, 2);
      assert.ok(small && large);
      const payloads = new StoredPayloads(arena.fd);
      const before = [small, small, small].map((place) => payloads.read(place));
      for (const payload of before) payloads.giveBack(payload);
      const kept = new Set(before.map(({ buffer }) => buffer));
      const again = [small, small, small].map((place) => kept.has(payloads.read(place).buffer));
      assert.deepEqual(again, [true, true, false]);
      for (const payload of before.slice(0, 2)) payloads.giveBack(payload);
      const first = payloads.read(large);
      payloads.giveBack(first);
      assert.equal(payloads.read(large).buffer, first.buffer);
      payloads.giveBack(first);
      payloads.letGo();
      assert.notEqual(payloads.read(large).buffer, first.buffer);
    });
  });

  it("keeps nothing that came another way", () => {
    withArena((arena) => {
      const place = store(arena, 64 * 1024, 1);
      assert.ok(place);
      const payloads = new StoredPayloads(arena.fd);
      payloads.giveBack(new Uint8Array(0));
      payloads.giveBack(new Uint8Array(5 * mebibyte));
      assert.equal(payloads.read(place).length, 64 * 1024);
    });
  });
});

describe("a frame whose payload is stored", { skip }, () => {
  const head = { kind: frameKind.run, call: 7, model: 9 };

  it("arrives like any other", () => {
    withArena((arena) => {
      const stream = new PassThrough();
      const payload = Buffer.alloc(200_000, "payload");
      const stored = writeFrame(stream, head, [payload], arena);
      assert.equal(stored?.sizeBytes, payload.length);
      const bytes = stream.read() as Buffer;
      assert.ok(bytes.length < 100);
      for (const chunkBytes of [1, bytes.length]) {
        const frames: unknown[] = [];
        const reader = new FrameReader((frame) => frames.push(frame), new StoredPayloads(arena.fd));
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          reader.push(bytes.subarray(at, at + chunkBytes));
        }
        assert.deepEqual(frames, [{ ...head, payload: new Uint8Array(payload) }]);
      }
    });
  });

  it("is refused where there is no arena, or nothing in it", () => {
    withArena((arena) => {
      const stream = new PassThrough();
      writeFrame(stream, head, [Buffer.alloc(200_000)], arena);
      const bytes = stream.read() as Buffer;
      assert.throws(() => new FrameReader(() => {}).push(bytes), /payload in a missing arena/);
      const reader = new FrameReader(() => {}, new StoredPayloads(arena.fd));
      const beyond = Buffer.from(bytes);
      beyond.writeDoubleLE(mebibyte, 16);
      assert.throws(() => reader.push(beyond), /truncated/);
      for (const [at, value] of [
        [16, -1],
        [16, 0.5],
        [16, Number.NaN],
        [24, 2 ** 31],
      ] as const) {
        const wrong = Buffer.from(bytes);
        wrong.writeDoubleLE(value, at);
        assert.throws(
          () => new FrameReader(() => {}, new StoredPayloads(arena.fd)).push(wrong),
          /outside the arena/,
        );
      }
    });
  });
});
