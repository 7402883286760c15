import type { SecureClientSessionOptions } from "node:http2";
import net from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { CommandArguments } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { explainFailure } from "./call-failure.ts";
import { type ClientOptions, readClientOptions, readOptionFile } from "./client-options.ts";
import type { ServerAddress } from "./server-address.ts";
import { tlsOptions } from "./tls-options.ts";

/** What commands need to call a runtime over gRPC. */
export interface ServerConnection {
  readonly address: ServerAddress;
  /** For every unary call; undefined: no limit. */
  readonly timeoutMs: number | undefined;
  client<Service extends DescService>(service: Service): Client<Service>;
}

/** Calls `work` with a connection to the runtime that the arguments name, and closes it afterwards. Turns an
 *  error of a call in `work` into a CommandError with advice. */
export async function withServer(
  args: CommandArguments,
  work: (server: ServerConnection) => Promise<ExitCode>,
): Promise<ExitCode> {
  const options = readClientOptions(args);
  const { address, timeoutMs } = options;
  const sessions = new Http2SessionManager(address.url, undefined, sessionOptions(options));
  const transport = createTransport(options, sessions);
  try {
    return await work({
      address,
      timeoutMs,
      client: (service) => createClient(service, transport),
    });
  } catch (error) {
    throw explainFailure(error, address);
  } finally {
    // Open streams and the connection would keep the process alive.
    sessions.abort();
  }
}

function createTransport(options: ClientOptions, sessionManager: Http2SessionManager): Transport {
  const { address, timeoutMs, tokenFile } = options;
  return createGrpcTransport({
    baseUrl: address.url,
    sessionManager,
    // Unary gRPC responses are never compressed, and a stream from a local runtime need not be.
    acceptCompression: [],
    interceptors: tokenFile === undefined ? [] : [bearerToken(tokenFile)],
    ...(timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs }),
  });
}

function sessionOptions(options: ClientOptions): SecureClientSessionOptions {
  const { socketPath } = options.address;
  if (socketPath !== undefined) return { createConnection: () => net.connect(socketPath) };
  return tlsOptions(options);
}

/** Reads the token again for every call: it may be rotated while a command runs. */
function bearerToken(file: string): Interceptor {
  return (next) => (request) => {
    const token = readOptionFile("token-file", file).trim();
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
