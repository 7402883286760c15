import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createGrpcWebTransport as createFetchGrpcWebTransport } from "@connectrpc/connect-web";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import {
  RuntimeWatchService,
  type WatchResponse,
  WatchResponseSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";

export interface WatchReader {
  readonly name: string;
  /** Why it cannot be used on this machine, if it cannot. */
  readonly skip: string | false;
  /** The messages of one watch, until `signal` aborts, which throws nothing. Throws ConnectError when the
   *  server ends it. */
  read(port: number, signal: AbortSignal): AsyncGenerator<WatchResponse>;
}

/** As often as the service allows. */
const minIntervalMs = 50;

/** Everything that can read the watch service. */
export const watchReaders: readonly WatchReader[] = [
  { name: "grpc-js", skip: false, read: readByGrpcJs },
  through("gRPC, h2", (baseUrl) => createGrpcTransport({ baseUrl })),
  through("gRPC-Web, h1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  through("gRPC-Web, h2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })),
  through("gRPC-Web, fetch", (baseUrl) => createFetchGrpcWebTransport({ baseUrl })),
  through("Connect binary, h2", (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
  ),
  through("Connect JSON, h1", (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ),
  {
    name: "curl, JSON lines",
    skip: spawnSync("curl", ["--version"]).status === 0 ? false : "curl is not installed",
    read: readByCurl,
  },
];

function through(name: string, createTransport: (baseUrl: string) => Transport): WatchReader {
  return {
    name,
    skip: false,
    async *read(port, signal) {
      const transport = createTransport(`http://127.0.0.1:${port}`);
      const client = createClient(RuntimeWatchService, transport);
      try {
        yield* client.watch({ minIntervalMs }, { signal });
      } catch (reason) {
        if (!signal.aborted) throw reason;
      }
    },
  };
}

const protoFolder = fileURLToPath(new URL("../../../proto", import.meta.url));

async function* readByGrpcJs(port: number, signal: AbortSignal): AsyncGenerator<WatchResponse> {
  const definitions = loadSync("modelport/v1/runtime_watch.proto", {
    includeDirs: [protoFolder],
    longs: String,
    enums: String,
    json: true,
  });
  const service = definitions[RuntimeWatchService.typeName] as grpc.ServiceDefinition;
  const { path, requestSerialize, responseDeserialize } = service["Watch"] as grpc.MethodDefinition<
    object,
    JsonObject
  >;
  const channel = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const call = channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
    minIntervalMs,
  });
  signal.addEventListener("abort", () => call.cancel(), { once: true });
  try {
    for await (const message of call) yield fromJson(WatchResponseSchema, message);
  } catch (reason) {
    if (signal.aborted) return;
    const { details, code } = reason as grpc.ServiceError;
    throw new ConnectError(details, code as number as Code);
  } finally {
    channel.close();
  }
}

async function* readByCurl(port: number, signal: AbortSignal): AsyncGenerator<WatchResponse> {
  const url = `http://127.0.0.1:${port}/modelport/v1/watch?minIntervalMs=${minIntervalMs}`;
  const curl = spawn("curl", ["--silent", "--no-buffer", url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = () => curl.kill();
  signal.addEventListener("abort", end, { once: true });
  try {
    for await (const line of createInterface({ input: curl.stdout })) {
      const value = JSON.parse(line) as JsonObject & { error?: { code: string; message: string } };
      if (value.error === undefined) yield fromJson(WatchResponseSchema, value);
      else if (value.error.code === "unavailable") {
        throw new ConnectError(value.error.message, Code.Unavailable);
      } else throw new Error(line);
    }
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}
