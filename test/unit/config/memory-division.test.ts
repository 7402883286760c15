import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { divideMemory, type MemoryWishes } from "../../../src/config/memory-division.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

const nothingSaid: MemoryWishes = {
  container: GiB,
  buffer: undefined,
  runs: undefined,
  payloads: undefined,
  sharedHosts: undefined,
  hostWaste: undefined,
  largestMessage: 64 * MiB,
  leastModels: 10_000_000,
  cores: 2,
};

const divide = (wishes: Partial<MemoryWishes>) => divideMemory({ ...nothingSaid, ...wishes });

describe("the division of a container's memory", () => {
  it("has parts that are the whole, and lets each do its work, from the least container on", () => {
    const maybe = (least: number, most: number) =>
      fc.option(fc.integer({ min: least, max: most }), { nil: undefined });
    const wishes = fc.record({
      container: fc.integer({ min: 1, max: 64 * 1024 }).map((mib) => mib * MiB),
      runs: maybe(0, GiB),
      payloads: maybe(64 * MiB, GiB),
      sharedHosts: maybe(1, 64),
      hostWaste: maybe(0, 256 * MiB),
      embeddingCache: fc.integer({ min: 0, max: 512 }).map((mib) => mib * MiB),
      cores: fc.integer({ min: 1, max: 128 }),
      leastModels: fc.integer({ min: 10, max: 512 }).map((mib) => mib * MiB),
    });
    fc.assert(
      fc.property(wishes, (wish) => {
        const { leastContainer } = divide(wish);
        for (const container of [wish.container, leastContainer, leastContainer + 100 * MiB]) {
          const { division, leastBuffer } = divide({ ...wish, container });
          const { models, runs, payloads, server, hosts } = division;
          const { leastModels } = wish;
          assert.equal(models >= leastModels, container >= leastContainer, `${container}`);
          if (models < leastModels) continue;
          assert.equal(models + runs + payloads + server + hosts, container);
          assert.equal(runs, wish.runs ?? Math.max(runs, 32 * MiB));
          assert.equal(payloads, wish.payloads ?? Math.max(payloads, nothingSaid.largestMessage));
          assert.ok(container - models >= leastBuffer);
        }
      }),
    );
  });

  it("gives models what a buffer leaves, and divides the buffer further", () => {
    const { division } = divide({ buffer: 512 * MiB });
    const { models, runs, payloads, server, hosts } = division;
    assert.equal(models, 512 * MiB);
    assert.equal(runs + payloads + server + hosts, 512 * MiB);
    const known = divide({ buffer: 512 * MiB, payloads: 100 * MiB }).division;
    assert.equal(known.payloads, 100 * MiB);
    assert.equal(known.runs, runs + payloads - 100 * MiB);
  });

  it("tells the least buffer that works", () => {
    const { leastBuffer } = divide({ buffer: 256 * MiB });
    assert.ok(leastBuffer > 256 * MiB);
    const { models, runs, payloads, server, hosts } = divide({ buffer: leastBuffer }).division;
    assert.equal(models + runs + payloads + server + hosts, GiB);
    assert.deepEqual([runs, payloads], [32 * MiB, 64 * MiB]);
  });

  it("starts no more hosts than an eighth of the container has room for, unless told to", () => {
    assert.equal(divide({ cores: 2 }).sharedHosts, 2);
    assert.equal(divide({ cores: 64 }).sharedHosts, 2);
    assert.equal(divide({ cores: 64, container: 64 * GiB }).sharedHosts, 64);
    assert.ok(divide({ cores: 64, container: 4 * GiB }).division.hosts <= GiB / 2);
    assert.equal(divide({ cores: 64, container: 128 * MiB }).sharedHosts, 1);
    const { sharedHosts, division } = divide({ cores: 2, sharedHosts: 8 });
    assert.equal(sharedHosts, 8);
    assert.ok(division.hosts > divide({ cores: 2 }).division.hosts + 6 * 32 * MiB);
  });

  it("counts the cache of embeddings to the server", () => {
    const embeddingCache = 100 * MiB;
    const [without, withCache] = [divide({}), divide({ embeddingCache })];
    assert.equal(withCache.division.server, without.division.server + embeddingCache);
    assert.ok(withCache.division.models < without.division.models);
    assert.equal(withCache.leastBuffer, without.leastBuffer + embeddingCache);
  });

  it("gives models the whole container where there is no buffer, and the rest beside it", () => {
    const { division, leastContainer } = divide({ container: 100 * MiB, buffer: 0 });
    assert.equal(division.models, 100 * MiB);
    assert.equal(division.container, 100 * MiB);
    assert.ok(division.payloads >= 64 * MiB && division.runs >= 32 * MiB);
    assert.equal(leastContainer, nothingSaid.leastModels);
  });

  it("leaves no part to what has no limit", () => {
    assert.equal(divide({ runs: 0 }).division.runs, 0);
    assert.ok(divide({ hostWaste: 0 }).division.hosts < divide({}).division.hosts);
  });
});
