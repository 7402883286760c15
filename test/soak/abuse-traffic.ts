import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { untilClosed } from "../support/clients/raw-http.ts";
import { anyClient } from "./inference-traffic.ts";
import type { Answer } from "./ledger.ts";
import { type Activity, type SoakUser, toAnswer } from "./soak-user.ts";

const { modelInfer } = GRPCInferenceService.method;

/** Requests that are wrong, and connections that end badly. */
export const abuseTraffic: readonly Activity[] = [
  { name: "bad inference", weight: 8, run: sendBadInference },
  { name: "bad REST", weight: 6, run: sendBadRest },
  { name: "oversized message", weight: 1, run: sendOversized },
  { name: "aborted upload", weight: 3, run: abortUpload },
  { name: "reset connection", weight: 3, run: resetConnection },
  { name: "garbage on the port", weight: 1, run: sendGarbage },
];

type BadInference = readonly [
  code: string,
  request: {
    readonly modelName: string;
    readonly datatype?: string;
    readonly shape?: readonly bigint[];
    readonly input?: string;
  },
];

async function sendBadInference(user: SoakUser): Promise<void> {
  const [code, { modelName, datatype = "FP32", shape = [1n, 4n], input = "x" }] =
    user.random.pick<BadInference>([
      ["NotFound", { modelName: `${user.name}-nobody` }],
      ["InvalidArgument", { modelName: "" }],
      ["InvalidArgument", { modelName: "tiny", datatype: "FP99" }],
      ["InvalidArgument", { modelName: "tiny", datatype: "FP64" }],
      ["InvalidArgument", { modelName: "tiny", shape: [2n, 4n] }],
      ["InvalidArgument", { modelName: "tiny", shape: [-1n, 4n] }],
      ["InvalidArgument", { modelName: "tiny", shape: [1n, 2n ** 62n] }],
      ["InvalidArgument", { modelName: "tiny", input: "nothing" }],
    ]);
  const contents = datatype === "FP64" ? { fp64Contents: [1] } : { fp32Contents: [1, 2, 3, 4] };
  const inputs = [{ name: input, datatype, shape: [...shape], contents }];
  const { name, client } = anyClient(user);
  await user.soak.ledger.track({
    kind: "bad inference",
    client: name,
    expected: [code],
    send: async () => toAnswer(await client.call(modelInfer, { modelName, inputs })),
  });
  if (user.random.below(4) > 0) return;
  const index = [
    { name: "index", datatype: "INT64", shape: [1n], contents: { int64Contents: [7n] } },
  ];
  await user.soak.ledger.track({
    kind: "run that fails",
    client: name,
    expected: ["Internal"],
    send: async () =>
      toAnswer(await client.call(modelInfer, { modelName: "fails", inputs: index })),
  });
}

async function sendBadRest({ soak, random }: SoakUser): Promise<void> {
  const [status, path, body] = random.pick<[number, string, string | undefined]>([
    [400, "/v2/models/tiny/infer", "{"],
    [400, "/v2/models/tiny/infer", '{"inputs":[]}'],
    [
      400,
      "/v2/models/tiny/infer",
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[9],"data":[1]}]}',
    ],
    [400, "/v2/models/tiny/infer", `{"inputs":${"[".repeat(5000)}`],
    [404, "/v2/models/nobody/infer", '{"inputs":[]}'],
    [404, "/v2/nothing", undefined],
    [404, "/v2/models/nobody", undefined],
    [405, "/v2/health/live", "{}"],
    [200, "/v2/models/tiny/ready", undefined],
    [200, "/v2/models/stats", undefined],
    [200, "/v2/models/mlp", undefined],
  ]);
  // Inferences wait while their model moves to a new host; questions about it are answered as it is.
  const isAboutModel = body === undefined && /^\/v2\/models\/(tiny|mlp)/.test(path);
  await soak.ledger.track({
    kind: "REST, small and odd",
    client: "fetch",
    expected: [`HTTP ${status}`, ...(isAboutModel ? ["HTTP 503"] : [])],
    send: () => post(soak.port, path, body),
  });
}

async function sendOversized({ soak, random }: SoakUser): Promise<void> {
  const body = Buffer.alloc(soak.maxMessageBytes + 1 + random.below(100_000), " ");
  await soak.ledger.track({
    kind: "oversized message",
    client: "fetch",
    expected: ["HTTP 413"],
    send: () => post(soak.port, "/v2/models/tiny/infer", body),
  });
}

async function post(port: number, path: string, body?: string | Buffer): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
  });
  const text = await response.text();
  const isObject = text.startsWith("{") && text.endsWith("}");
  return {
    code: `HTTP ${response.status}`,
    message: text.slice(0, 200),
    problem: isObject ? undefined : "the body is not a JSON object",
  };
}

/** Announces a megabyte, sends a part, and goes away: politely or not. */
async function abortUpload({ soak, random }: SoakUser): Promise<void> {
  await withoutAnswer(soak, "aborted upload", async () => {
    const socket = net.connect(soak.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    socket.write(
      "POST /v2/models/tiny/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n",
    );
    socket.write(Buffer.alloc(random.below(200_000), "["));
    await sleep(random.below(30));
    if (random.below(2) === 0) socket.resetAndDestroy();
    else socket.destroy();
  });
}

/** Starts some inferences on an HTTP/2 connection and cuts it. */
async function resetConnection({ soak, random }: SoakUser): Promise<void> {
  await withoutAnswer(soak, "reset connection", async () => {
    const session = http2.connect(`http://127.0.0.1:${soak.port}`).on("error", () => {});
    for (let count = 1 + random.below(5); count > 0; count--) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/inference.GRPCInferenceService/ModelInfer",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => {});
      // A frame that announces more than comes.
      stream.write(Buffer.from([0, 0, 0, 1, 0, 10, 4]));
    }
    await sleep(random.below(30));
    session.destroy();
  });
}

async function sendGarbage({ soak, random }: SoakUser): Promise<void> {
  await withoutAnswer(soak, "garbage", async () => {
    const socket = net.connect(soak.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    socket.resume().end(Buffer.from(Array.from({ length: 200 }, () => random.below(256))));
    // The server closes what it cannot read.
    await untilClosed(socket);
  });
}

async function withoutAnswer(
  { ledger }: SoakUser["soak"],
  kind: string,
  act: () => Promise<void>,
): Promise<void> {
  await ledger.track({
    kind,
    client: "raw sockets",
    expected: ["done"],
    async send() {
      await act();
      return { code: "done" };
    },
  });
}
