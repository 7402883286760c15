import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageBuffers } from "../../../../src/rpc/grpc/message-buffers.ts";

const mebibyte = 1024 * 1024;

describe("buffers for messages", () => {
  it("have the size that was asked for", () => {
    const buffers = new MessageBuffers();
    for (const sizeBytes of [0, 1, 65_535, 65_536, 65_537, 600_000, 5 * mebibyte]) {
      assert.equal(buffers.take(sizeBytes).length, sizeBytes);
    }
  });

  it("reserve at most an eighth or 64 KiB more than was asked for", () => {
    const buffers = new MessageBuffers();
    for (let sizeBytes = 1; sizeBytes < 40 * mebibyte; sizeBytes = Math.ceil(sizeBytes * 1.07)) {
      const unused = buffers.take(sizeBytes).buffer.byteLength - sizeBytes;
      assert.ok(unused <= Math.max(65_536, sizeBytes / 8), `${unused} of ${sizeBytes}`);
    }
  });

  it("are used again after they were given back, for sizes near their own", () => {
    const buffers = new MessageBuffers();
    const first = buffers.take(600_000);
    buffers.giveBack(first);
    const second = buffers.take(600_001);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 600_001);
    assert.equal(buffers.idleBytes, 0);
  });

  it("belong to one at a time", () => {
    const buffers = new MessageBuffers();
    buffers.giveBack(buffers.take(600_000));
    assert.notEqual(buffers.take(600_000).buffer, buffers.take(600_000).buffer);
  });

  it("are not kept if they are small or very large", () => {
    const buffers = new MessageBuffers();
    for (const sizeBytes of [100, 60_000, 33 * mebibyte]) buffers.giveBack(buffers.take(sizeBytes));
    assert.equal(buffers.idleBytes, 0);
    buffers.giveBack(buffers.take(16.1 * mebibyte));
    assert.ok(buffers.idleBytes > 0);
  });

  it("are kept up to 64 MiB, those of sizes in use before others", () => {
    const buffers = new MessageBuffers();
    const old = Array.from({ length: 32 }, () => buffers.take(mebibyte));
    const recent = Array.from({ length: 24 }, () => buffers.take(2 * mebibyte));
    for (const buffer of [...old, ...recent]) buffers.giveBack(buffer);
    assert.equal(buffers.idleBytes, 64 * mebibyte);
    const known = new Set(recent.map(({ buffer }) => buffer));
    for (const _ of recent) assert.ok(known.has(buffers.take(2 * mebibyte).buffer));
    assert.equal(buffers.idleBytes, 16 * mebibyte);
  });

  it("are let go of when they were not needed for ten seconds", ({ mock }) => {
    mock.timers.enable({ apis: ["setInterval"] });
    const buffers = new MessageBuffers();
    const taken = Array.from({ length: 8 }, () => buffers.take(mebibyte));
    for (const buffer of taken) buffers.giveBack(buffer);
    mock.timers.tick(10_000);
    const inUse = [buffers.take(mebibyte), buffers.take(mebibyte)];
    for (const buffer of inUse) buffers.giveBack(buffer);
    mock.timers.tick(10_000);
    assert.equal(buffers.idleBytes, 2 * mebibyte);
    mock.timers.tick(10_000);
    assert.equal(buffers.idleBytes, 0);
  });

  it("can be had without new memory, or not at all", () => {
    const buffers = new MessageBuffers();
    assert.equal(buffers.takeIdle(600_000), undefined);
    const first = buffers.take(600_000);
    buffers.giveBack(first);
    assert.equal(buffers.takeIdle(600_000)?.buffer, first.buffer);
    assert.equal(buffers.takeIdle(600_000), undefined);
  });
});
