// The program that the conformance runner starts: reads from stdin what it is to be, and serves the
// conformance service from our port until SIGTERM. Its argument: options of the server, as JSON.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  createRegistry,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { TlsSettings } from "../../src/config/tls-settings.ts";
import { createLogger } from "../../src/observe/log.ts";
import { mounted } from "../../src/rpc/connect/mounted-service.ts";
import { buildServer } from "../../src/rpc/server.ts";
import type { ServerOptions } from "../../src/rpc/server-options.ts";
import { FakeModels } from "../support/fakes/fake-models.ts";
import { testOptions } from "../support/fakes/fake-server.ts";
import { testTls } from "../support/servers/test-tls.ts";
import { conformanceService } from "./conformance-service.ts";
import {
  ConformanceService,
  file_connectrpc_conformance_v1_conformance,
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/conformance_pb.ts";

// Far above what any case sends.
const unlimitedBytes = 64 * 1024 * 1024;

const request = fromBinary(ServerCompatRequestSchema, await readFrame());
const folder = await mkdtemp(join(tmpdir(), "modelport-conformance-"));
const models = new FakeModels();
const server = await buildServer({
  models,
  readiness: models,
  options: {
    ...testOptions,
    ...(JSON.parse(process.argv[2] ?? "{}") as Partial<ServerOptions>),
    host: "127.0.0.1",
    ...(request.useTls ? { tls: await writeTls(request, folder) } : {}),
    readMaxBytes: request.messageReceiveLimit || unlimitedBytes,
  },
  log: createLogger("silent"),
  services: [
    mounted(ConformanceService, conformanceService, {
      // Requests are echoed as google.protobuf.Any, whose JSON needs to know the types.
      registry: createRegistry(file_connectrpc_conformance_v1_conformance),
    }),
  ],
});
const { port } = await server.listen();
process.once("SIGTERM", () => void server.close());
await rm(folder, { recursive: true });
writeFrame({ host: "127.0.0.1", port, pemCert: request.serverCreds?.cert ?? new Uint8Array() });

/** As files, which the port reads. */
async function writeTls(
  { serverCreds, clientTlsCert }: ServerCompatRequest,
  folder: string,
): Promise<TlsSettings> {
  assert(serverCreds, "the runner brings certificate and key");
  const write = async (name: string, pem: Uint8Array) => {
    await writeFile(join(folder, name), pem);
    return join(folder, name);
  };
  const cert = await write("server.pem", serverCreds.cert);
  const key = await write("server.key", serverCreds.key);
  if (clientTlsCert.length === 0) return testTls({ cert, key });
  const clientCaPath = await write("client.pem", clientTlsCert);
  return testTls({ cert, key }, { clientCaPath, clientAuth: "require" });
}

/** A message as the runner frames it: length in 4 bytes, big endian. */
async function readFrame(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      return bytes.subarray(4, 4 + bytes.readUInt32BE());
    }
  }
  throw new Error("stdin ended before it said what to serve");
}

function writeFrame(response: MessageInitShape<typeof ServerCompatResponseSchema>): void {
  const bytes = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, response));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  process.stdout.write(Buffer.concat([length, bytes]));
}
