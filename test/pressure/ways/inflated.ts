import { gzipSync } from "node:zlib";
import { Random } from "../../support/attacks/mutate.ts";
import { identityJson } from "../messages.ts";
import { repeat, type Way } from "../way.ts";
import { callGrpc, callRest, openSession } from "../wire-calls.ts";

const MB = 1_000_000;

const zeros = lazy(() => gzipSync(Buffer.alloc(100 * MB)));
/** JSON that is right, and some fifty times what is sent. */
const legal = lazy(() => {
  const random = new Random(1);
  const data = Array.from({ length: MB }, () => (random.below(50) === 0 ? 7 : 1));
  return gzipSync(identityJson(data));
});

function lazy<Value>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= make());
}

const path = "/v2/models/echo/infer";
const gzip = { "content-encoding": "gzip" };

export const inflatedWays: readonly Way[] = [
  {
    name: "gzip bombs, REST",
    about: "60 requests at once of 97 kB that become 100 MB",
    refusals: ["HTTP 413", "HTTP 429"],
    answers: "none",
    press: (pressed) =>
      repeat(pressed, 60 * pressed.scale, async () => {
        const { port, stop: signal, tally } = pressed;
        tally.count(await callRest(port, { path, headers: gzip, body: zeros(), signal }));
      }),
  },
  {
    name: "gzip bombs, gRPC",
    about: "60 calls at once of 97 kB that become 100 MB",
    refusals: ["RESOURCE_EXHAUSTED"],
    answers: "none",
    async press(pressed) {
      const { port, stop: signal, tally } = pressed;
      const sessions = Array.from({ length: 4 }, () => openSession(port));
      await repeat(pressed, 60 * pressed.scale, async (caller) => {
        const session = sessions[caller % sessions.length] as (typeof sessions)[number];
        tally.count(await callGrpc(session, { message: zeros(), encoding: "gzip", signal }));
      });
      for (const session of sessions) session.destroy();
    },
  },
  {
    name: "gzip that is legal",
    about: "12 requests at once of JSON that becomes 2 MB, each of them fit to be answered",
    refusals: ["HTTP 429"],
    answers: "some",
    press: (pressed) =>
      repeat(pressed, 12 * pressed.scale, async () => {
        const { port, stop: signal, tally } = pressed;
        tally.count(await callRest(port, { path, headers: gzip, body: legal(), signal }));
      }),
  },
];
