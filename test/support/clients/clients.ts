import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { fileURLToPath } from "node:url";
import {
  create,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { createGrpcWebTransport as createFetchGrpcWebTransport } from "@connectrpc/connect-web";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** Where the server is: a TCP port of this machine, or a unix socket. With `tls` its name is localhost. */
export type Target =
  | { readonly port: number; readonly host?: string; readonly tls?: ClientTls }
  | { readonly socketPath: string };

/** Paths of PEM files: whom the client believes, and what it shows of itself. */
export interface ClientTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The answer to a call in the same shape for every client: the message as canonical JSON, or the code
 *  (a key of Connect's `Code`) and the message of the error. */
export type Outcome =
  | { readonly ok: true; readonly message: JsonValue }
  | { readonly ok: false; readonly code: keyof typeof Code; readonly message: string };

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Sent to the server; all clients but curl also watch it themselves. */
  readonly timeoutMs?: number;
  /** Metadata; a name that ends in "-bin" has a base64 value. */
  readonly header?: Readonly<Record<string, string>>;
}

export interface Client {
  call<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
    options?: CallOptions,
  ): Promise<Outcome>;
  /** Closes its connections. */
  close(): void;
}

export interface ClientKind {
  readonly name: string;
  /** Whether it can use a unix socket, and can be told whom to believe over TLS. */
  readonly unix: boolean;
  readonly tls: boolean;
  /** Why it cannot be used on this machine, if it cannot. */
  readonly skip: string | undefined;
  open(target: Target): Client;
}

const hasCurl = spawnSync("curl", ["--version"]).status === 0;
const noCurl = hasCurl ? undefined : "curl is not installed";

/** Every client that the port promises to serve. */
export const clientKinds: readonly ClientKind[] = [
  kind("grpc-js", true, openGrpcJs),
  kind("connect-node gRPC, h2", true, (target) =>
    openHttp2(target, (baseUrl, sessionManager) =>
      createGrpcTransport({ baseUrl, sessionManager }),
    ),
  ),
  kind("connect-node gRPC-Web, h1", true, (target) =>
    openHttp1(target, (options) => createGrpcWebTransport(options)),
  ),
  kind("connect-node gRPC-Web, h2", true, (target) =>
    openHttp2(target, (baseUrl, sessionManager) =>
      createGrpcWebTransport({ baseUrl, httpVersion: "2", sessionManager }),
    ),
  ),
  ...[true, false].flatMap((useBinaryFormat) => {
    const format = useBinaryFormat ? "binary" : "JSON";
    return [
      kind(`connect-node Connect ${format}, h1`, true, (target) =>
        openHttp1(target, (options) => createConnectTransport({ ...options, useBinaryFormat })),
      ),
      kind(`connect-node Connect ${format}, h2`, true, (target) =>
        openHttp2(target, (baseUrl, sessionManager) =>
          createConnectTransport({ baseUrl, httpVersion: "2", sessionManager, useBinaryFormat }),
        ),
      ),
    ];
  }),
  kind("connect-web gRPC-Web, fetch", false, (target) => ({
    ...callsThrough(createFetchGrpcWebTransport({ baseUrl: urlOf(target) })),
    close() {}, // fetch closes idle connections by itself.
  })),
  kind("curl, h1", true, (target) => openCurl(target, "--http1.1"), noCurl),
  kind("curl, h2", true, (target) => openCurl(target, "--http2-prior-knowledge"), noCurl),
];

function kind(
  name: string,
  unix: boolean,
  open: (target: Target) => Client,
  skip?: string,
): ClientKind {
  // fetch can neither.
  return { name, unix, tls: unix, skip, open };
}

function urlOf(target: Target): string {
  if (!("port" in target)) return "http://localhost";
  if (target.tls !== undefined) return `https://${target.host ?? "localhost"}:${target.port}`;
  return `http://${target.host ?? "127.0.0.1"}:${target.port}`;
}

/** For Node's own clients. */
function pemOf(target: Target): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  if (!("port" in target) || target.tls === undefined) return {};
  const files = Object.entries(target.tls) as [string, string][];
  return Object.fromEntries(files.map(([name, path]) => [name, readFileSync(path)]));
}

function callsThrough(transport: Transport): Pick<Client, "call"> {
  return {
    async call(method, request, options = {}) {
      try {
        const { signal, timeoutMs, header } = options;
        const message = create(method.input, request);
        const answer = await transport.unary(method, signal, timeoutMs, header, message);
        return { ok: true, message: toJson(method.output, answer.message) };
      } catch (reason) {
        const error = ConnectError.from(reason);
        return { ok: false, code: codeName(error.code), message: error.rawMessage };
      }
    },
  };
}

function openHttp1(
  target: Target,
  createTransport: (options: {
    baseUrl: string;
    httpVersion: "1.1";
    nodeOptions: http.RequestOptions;
  }) => Transport,
): Client {
  const isTls = "port" in target && target.tls !== undefined;
  const agent = isTls
    ? new https.Agent({ keepAlive: true, ...pemOf(target) })
    : new http.Agent({ keepAlive: true });
  const nodeOptions = "port" in target ? { agent } : { agent, socketPath: target.socketPath };
  const transport = createTransport({ baseUrl: urlOf(target), httpVersion: "1.1", nodeOptions });
  return { ...callsThrough(transport), close: () => agent.destroy() };
}

function openHttp2(
  target: Target,
  createTransport: (baseUrl: string, sessions: Http2SessionManager) => Transport,
): Client {
  const nodeOptions =
    "port" in target ? pemOf(target) : { createConnection: () => net.connect(target.socketPath) };
  const sessions = new Http2SessionManager(urlOf(target), undefined, nodeOptions);
  const transport = createTransport(urlOf(target), sessions);
  return { ...callsThrough(transport), close: () => sessions.abort() };
}

const protoFolder = fileURLToPath(new URL("../../../proto", import.meta.url));
const protoFiles = [
  "mmesh/model-runtime.proto",
  "inference/inference.proto",
  "grpc/health/v1/health.proto",
  "caikit/nlp-service.proto",
  "caikit/info-service.proto",
];

// With these options messages of grpc-js are JSON in the sense of protobuf, but for the defaults.
const definitions = loadSync(protoFiles, {
  includeDirs: [protoFolder],
  longs: String,
  enums: String,
  bytes: String,
  json: true,
});

/** A gRPC client that shares no code with ours: neither HTTP/2 framing, nor codec, nor definitions. */
function openGrpcJs(target: Target): Client {
  const { ca, key = null, cert = null } = pemOf(target);
  const host = ca === undefined ? "127.0.0.1" : "localhost";
  const address =
    "port" in target ? `${target.host ?? host}:${target.port}` : `unix:${target.socketPath}`;
  const credentials =
    ca === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(ca, key, cert);
  const channel = new grpc.Client(address, credentials, {
    // Over a unix socket grpc-js would take its path for the authority, which Node's HTTP/2 refuses.
    ...("port" in target ? {} : { "grpc.default_authority": "localhost" }),
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  return {
    call: (method, request, options = {}) =>
      new Promise((resolve) => {
        const { typeName } = method.parent;
        const definition = definitions[typeName] as grpc.ServiceDefinition | undefined;
        const known = definition?.[method.name] as
          | grpc.MethodDefinition<object, object>
          | undefined;
        const { path, requestSerialize, responseDeserialize } = known ?? {
          // Of a method that the server does not know either.
          path: `/${typeName}/${method.name}`,
          requestSerialize: () =>
            Buffer.from(toBinary(method.input, create(method.input, request))),
          responseDeserialize: () => ({}),
        };
        const call = channel.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          toJson(method.input, create(method.input, request)) as object,
          grpcMetadata(options),
          options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
          (error, answer) => {
            if (error) {
              resolve({ ok: false, code: codeName(error.code), message: error.details });
              return;
            }
            const message = fromJson(method.output, answer as JsonObject);
            resolve({ ok: true, message: toJson(method.output, message) });
          },
        );
        options.signal?.addEventListener("abort", () => call.cancel(), { once: true });
      }),
    close: () => channel.close(),
  };
}

function grpcMetadata({ header = {} }: CallOptions): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(header)) {
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return metadata;
}

function openCurl(target: Target, version: string): Client {
  return {
    async call(method, request, options = {}) {
      const { signal, timeoutMs, header = {} } = options;
      const headers = { "Content-Type": "application/json", ...header };
      const where = "port" in target ? curlTls(target.tls) : ["--unix-socket", target.socketPath];
      const timeout = timeoutMs === undefined ? [] : ["-H", `Connect-Timeout-Ms: ${timeoutMs}`];
      const curl = spawn(
        "curl",
        [
          ...[version, ...where, ...timeout, "--silent", "--show-error", "--max-time", "60"],
          ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
          ...["--data-binary", "@-", "--write-out", "\\n%{http_code}"],
          `${urlOf(target)}/${method.parent.typeName}/${method.name}`,
        ],
        { stdio: ["pipe", "pipe", "pipe"], ...(signal === undefined ? {} : { signal }) },
      );
      // The server may answer and close before it has read everything.
      curl.stdin.on("error", () => {});
      curl.stdin.end(JSON.stringify(toJson(method.input, create(method.input, request))));
      const failure = Promise.withResolvers<Error | undefined>();
      curl.on("error", failure.resolve);
      curl.on("close", () => failure.resolve(undefined));
      const [output, complaint, error] = await Promise.all([
        curl.stdout.setEncoding("utf8").toArray(),
        curl.stderr.setEncoding("utf8").toArray(),
        failure.promise,
      ]);
      if (error?.name === "AbortError") return { ok: false, code: "Canceled", message: "" };
      return readCurl(method, output.join(""), complaint.join(""));
    },
    close() {},
  };
}

function curlTls(tls: ClientTls | undefined): string[] {
  if (tls === undefined) return [];
  const own = tls.cert && tls.key ? ["--cert", tls.cert, "--key", tls.key] : [];
  return ["--cacert", tls.ca, ...own];
}

function readCurl(method: DescMethodUnary, output: string, complaint: string): Outcome {
  const end = output.lastIndexOf("\n");
  const status = output.slice(end + 1);
  const body = output.slice(0, end);
  if (status === "000") throw new Error(`curl got no answer: ${complaint}`);
  if (status === "200") {
    const message = fromJson(method.output, JSON.parse(body));
    return { ok: true, message: toJson(method.output, message) };
  }
  const { code, message = "" }: { code: string; message?: string } = JSON.parse(body);
  const name = code.replace(/(^|_)([a-z])/g, (_match, _start, letter) => letter.toUpperCase());
  return { ok: false, code: name as keyof typeof Code, message };
}

function codeName(code: number): keyof typeof Code {
  return Code[code] as keyof typeof Code;
}
