import { ProtobufWriter } from "../../support/models/protobuf-writer.ts";
import { repeat, type Way } from "../way.ts";
import { callGrpc, callRest, openSession } from "../wire-calls.ts";

/** Of one request; below the limit of a message. */
const requestBytes = 60_000_000;

// Field numbers of ModelInferRequest and InferInputTensor.
const entries: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ["parameters", [0x22, 5, 0x0a, 1, 0x61, 0x12, 0]],
  ["empty inputs", [0x2a, 0]],
  ["empty outputs", [0x32, 0]],
  ["empty raw contents", [0x3a, 0]],
];

/** One protobuf message of nothing but an entry, over and over. */
function many(entry: readonly number[], scale: number): Buffer {
  const head = new ProtobufWriter().text(1, "echo").finish();
  const length = Math.floor((requestBytes * scale) / entry.length) * entry.length;
  return Buffer.concat([head, Buffer.alloc(length, Uint8Array.from(entry))]);
}

/** The same inside the one input "x". */
function manyInside(
  { datatype, entry, wrapped }: { datatype: string; entry: readonly number[]; wrapped: boolean },
  scale: number,
): Buffer {
  const length = Math.floor((requestBytes * scale) / entry.length) * entry.length;
  const filling = Buffer.alloc(length, Uint8Array.from(entry));
  const head = new ProtobufWriter().text(1, "x").text(2, datatype);
  const tensor = wrapped
    ? head.bytes(5, filling).finish()
    : Buffer.concat([head.finish(), filling]);
  return Buffer.from(new ProtobufWriter().text(1, "echo").bytes(5, tensor).finish());
}

function grpcWay(name: string, about: string, make: (scale: number) => Buffer): Way {
  return {
    name,
    about,
    refusals: ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"],
    answers: "none",
    async press(pressed) {
      const message = make(Math.min(1, pressed.scale));
      const session = openSession(pressed.port);
      const { stop: signal, tally } = pressed;
      await repeat(pressed, 3, async () => {
        tally.count(await callGrpc(session, { message, signal }));
      });
      session.destroy();
    },
  };
}

function jsonWay(name: string, about: string, make: (bytes: number) => string): Way {
  return {
    name,
    about,
    refusals: ["HTTP 400", "HTTP 413", "HTTP 429"],
    answers: "none",
    async press(pressed) {
      const { port, stop: signal, tally } = pressed;
      const body = Buffer.from(make(requestBytes * Math.min(1, pressed.scale)));
      await repeat(pressed, 3, async () => {
        tally.count(await callRest(port, { path: "/v2/models/echo/infer", body, signal }));
      });
    },
  };
}

export const elementWays: readonly Way[] = [
  ...entries.map(([name, bytes]) =>
    grpcWay(`protobuf, ${name}`, `3 messages at once of 60 MB of ${name}`, (scale) =>
      many(bytes, scale),
    ),
  ),
  grpcWay("protobuf, dimensions", "3 messages at once with 30 million dimensions", (scale) =>
    manyInside({ datatype: "FP32", entry: [0x18, 1], wrapped: false }, scale),
  ),
  grpcWay("protobuf, empty strings", "3 messages at once with 30 million strings", (scale) =>
    // Of another model's datatype: it is refused by what it is, or by its count, never built first.
    manyInside({ datatype: "BYTES", entry: [0x42, 0], wrapped: true }, scale),
  ),
  jsonWay(
    "JSON, many nodes",
    "3 bodies at once with 20 million objects",
    (bytes) => `{"inputs":[${"{},".repeat(bytes / 3)}{}]}`,
  ),
  jsonWay(
    "JSON, many keys",
    "3 bodies at once with millions of keys beside the inputs",
    (bytes) => {
      const pairs: string[] = [];
      for (let at = 0, size = 0; size < bytes; at++) {
        const pair = `"k${at}":0`;
        size += pair.length + 1;
        pairs.push(pair);
      }
      return `{${pairs.join(",")},"inputs":[]}`;
    },
  ),
  jsonWay("JSON, nested", "3 bodies at once of nothing but brackets", (bytes) => {
    return `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":${"[".repeat(bytes)}`;
  }),
];
