import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as yieldToReads } from "node:timers/promises";
import { type Flood, floods } from "../support/attacks/http2-floods.ts";
import { assertUnharmed, describeFigures, measureAttack } from "../support/attacks/under-attack.ts";
import { openRawHttp2, type RawHttp2 } from "../support/clients/raw-http2.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const attackMs = 250;
// Each costs the server about as much as a call; without a limit, a busy machine digests for minutes.
const maxStreams = 10_000;
describe("a client of the server", { skip: !canMeasureTrees }, () => {
  let served: Served;
  before(async () => {
    served = await startServed(["--engine-hosts", "1"]);
  });
  after(() => served?.stop());

  /** Floods for `attackMs` and connects anew whenever the server has enough. */
  async function run({ connection = {}, opening, streams, burst }: Flood) {
    const endMs = performance.now() + attackMs;
    const goaways = new Set<number>();
    let bursts = 0;
    let connections = 0;
    let resets = 0;
    const end = (last: RawHttp2 | undefined) => {
      if (last?.goaway !== undefined) goaways.add(last.goaway);
      resets += last?.resets ?? 0;
      last?.close();
    };
    let raw: RawHttp2 | undefined;
    let stream = 1;
    for (let used = 0; performance.now() < endMs && used < maxStreams; used += streams) {
      if (raw === undefined || !raw.isOpen || raw.goaway !== undefined) {
        end(raw);
        raw = await openRawHttp2(served.port, connection);
        connections += 1;
        stream = 1;
        if (opening !== undefined) await raw.write(opening);
      }
      // A server that reads no more is no news either: the kernel's buffers are full.
      await Promise.race([raw.write(burst(stream)), sleep(200)]);
      await yieldToReads();
      stream += 2 * streams;
      bursts += 1;
    }
    end(raw);
    return { bursts, connections, goaways: [...goaways], resets };
  }

  for (const flood of floods) {
    it(`is served while another one sends ${flood.name}`, async (t) => {
      let sent = {};
      const figures = await measureAttack(served, async () => {
        sent = await run(flood);
      });
      t.diagnostic(`${JSON.stringify(sent)}; ${describeFigures(figures)}`);
      assertUnharmed(figures);
    });
  }

  it("finds a server that has logged no failure of its own", () => {
    assert.doesNotMatch(served.complaints(), /"level":[56]0|uncaught|unhandled/i);
  });
});
