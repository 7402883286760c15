import { create, toBinary } from "@bufbuild/protobuf";
import {
  LoadModelRequestSchema,
  ModelSizeRequestSchema,
  PredictModelSizeRequestSchema,
  UnloadModelRequestSchema,
} from "../../gen/mmesh/model-runtime_pb.ts";
import {
  damagedMessage,
  restCall,
  validRequests,
  validRestRequests,
  wrongMessage,
} from "../support/attacks/fuzz-requests.ts";
import { mutateBytes, mutateJson, type Random } from "../support/attacks/mutate.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";

/** One request, whatever carries it. */
export interface HostileRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

type Make = (random: Random) => HostileRequest;

const inference = "/inference.GRPCInferenceService";
const runtime = "/mmesh.ModelRuntime";
const modelInfer = `${inference}/ModelInfer`;
const grpc = { "content-type": "application/grpc", te: "trailers" };

/** Where `run-hostile` puts what is not a file: a FIFO in place of a model, and beside one as its settings. */
export const oddPaths = { fifo: "fifo", settings: "fifo-settings" };

/** Models that nobody uses, and files that are none. */
const lifecycleMessages: readonly [Wrong, ...Wrong[]] = [
  {
    path: `${runtime}/loadModel`,
    message: toBinary(
      LoadModelRequestSchema,
      create(LoadModelRequestSchema, { modelId: "hostile", modelPath: "../../etc/passwd" }),
    ),
  },
  {
    path: `${runtime}/unloadModel`,
    message: toBinary(
      UnloadModelRequestSchema,
      create(UnloadModelRequestSchema, { modelId: "hostile" }),
    ),
  },
  {
    path: `${runtime}/modelSize`,
    message: toBinary(ModelSizeRequestSchema, create(ModelSizeRequestSchema, { modelId: "h" })),
  },
  {
    path: `${runtime}/predictModelSize`,
    message: toBinary(
      PredictModelSizeRequestSchema,
      create(PredictModelSizeRequestSchema, { modelId: "h", modelPath: "/dev/zero" }),
    ),
  },
  ...Object.values(oddPaths).flatMap((modelPath): Wrong[] => [
    {
      path: `${runtime}/loadModel`,
      message: toBinary(
        LoadModelRequestSchema,
        create(LoadModelRequestSchema, { modelId: "odd", modelPath, modelType: "onnx" }),
      ),
    },
    {
      path: `${runtime}/predictModelSize`,
      message: toBinary(
        PredictModelSizeRequestSchema,
        create(PredictModelSizeRequestSchema, { modelId: "odd", modelPath, modelType: "onnx" }),
      ),
    },
  ]),
];

interface Wrong {
  readonly path: string;
  readonly message: Uint8Array;
}

/** gRPC over HTTP/2. */
export const hostileGrpc: readonly [Make, ...Make[]] = [
  (random) => grpcCall(modelInfer, grpcFrame(damagedMessage(random))),
  (random) => grpcCall(modelInfer, grpcFrame(wrongMessage(random))),
  (random) => grpcCall(modelInfer, mutateBytes(grpcFrame(damagedMessage(random)), random)),
  (random) => grpcCall(modelInfer, grpcFrame(damagedMessage(random), random.below(256))),
  (random) => {
    const { path, message } = random.pick(lifecycleMessages);
    return grpcCall(
      path,
      grpcFrame(random.below(2) === 0 ? message : mutateBytes(message, random)),
    );
  },
  (random) => grpcCall(modelInfer, grpcFrame(damagedMessage(random), random.pick([2, 255]))),
  (random) => {
    const { path, headers, body } = grpcCall(modelInfer, grpcFrame(damagedMessage(random)));
    const wrongLength = String(Math.max(0, body.length + random.pick([-3, -1, 1, 1000])));
    return { path, headers: { ...headers, "content-length": wrongLength }, body };
  },
  (random) => ({
    ...grpcCall(modelInfer, grpcFrame(damagedMessage(random))),
    headers: { ...grpc, ...manyHeaders(random) },
  }),
  (random) =>
    grpcCall(random.pick([`${inference}/ModelMetadata`, `${inference}/Nonsense`, "/", "/%00/.."]), [
      ...grpcFrame(mutateBytes(Buffer.from("\n\u0003two"), random)),
    ]),
  (random) => ({
    ...grpcCall(modelInfer, grpcFrame(damagedMessage(random))),
    headers: {
      ...grpc,
      [random.pick(["grpc-timeout", "grpc-encoding", "mm-model-id-bin", "content-length"])]:
        random.pick(["", "-1", "1n", "99999999H", "gzip", "\x80\xff", "x".repeat(3000)]),
    },
  }),
  (random) => ({
    ...grpcCall(modelInfer, grpcFrame(damagedMessage(random))),
    headers: {
      "content-type": random.pick([
        "application/grpc+json",
        "application/grpc-web",
        "text/html",
        "",
      ]),
    },
  }),
];

/** Around the limit of what a request may have, in many small ones or a large one. */
function manyHeaders(random: Random): Record<string, string> {
  const bytes = random.pick([1_000, 14_000, 60_000, 66_000]);
  if (random.below(2) === 0) return { "x-one": "y".repeat(bytes) };
  // Each counts 32 bytes more (RFC 9113, 6.5.2).
  const count = Math.floor(bytes / 40);
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, "y"]));
}

function grpcCall(path: string, body: Uint8Array | readonly number[]): HostileRequest {
  return { path, headers: grpc, body: Uint8Array.from(body) };
}

/** REST and Connect, for either HTTP. */
export const hostileHttp: readonly [Make, ...Make[]] = [
  (random) => {
    const { path, headers, body } = restCall(random.pick(validRestRequests));
    return { path, headers, body: mutateBytes(body, random) };
  },
  (random) => {
    const request = random.pick(validRestRequests);
    const head = JSON.stringify(mutateJson(request.json, random)) ?? "";
    return restCall(request, Buffer.from(head));
  },
  (random) => ({
    ...restCall(random.pick(validRestRequests)),
    headers: { "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site", origin: "http://x" },
  }),
  (random) => connect("application/proto", damagedMessage(random)),
  (random) =>
    connect(
      "application/json",
      mutateBytes(Buffer.from(JSON.stringify(random.pick(validRequests))), random),
    ),
  (random) =>
    connect("application/grpc-web+proto", mutateBytes(grpcFrame(damagedMessage(random)), random)),
  (random) => ({
    path: random.pick([
      "/v2/models/%ff/infer",
      "/v2/models/two/versions/9/infer",
      "/v2/../x",
      "/*",
    ]),
    headers: { "content-encoding": random.pick(["gzip", "deflate", "br", "nonsense"]) },
    body: mutateBytes(Buffer.from('{"inputs":[]}'), random),
  }),
];

function connect(contentType: string, body: Uint8Array): HostileRequest {
  return { path: modelInfer, headers: { "content-type": contentType }, body };
}
