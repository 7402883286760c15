import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { type ClientOptions, readOptionFile } from "./client-options.ts";
import { CommandError } from "./command-error.ts";
import { explainConnection } from "./connection-failure.ts";
import { exitCodes } from "./exit-code.ts";
import { tlsOptions } from "./tls-options.ts";

/** Calls an RPC in JSON over HTTP/1.1. Probes run every few seconds beside the server, and a gRPC
 *  client costs more CPU time to start than all the rest of one. Resolves with the answer's fields. Throws
 *  CommandError. */
export async function callJson(
  options: ClientOptions,
  rpc: string,
  request: object,
): Promise<Readonly<Record<string, unknown>>> {
  const { address, timeoutMs } = options;
  const { label } = address;
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    const { status, body } = await post(options, { rpc, body: JSON.stringify(request), signal });
    const answer: unknown = JSON.parse(body);
    if (typeof answer !== "object" || answer === null) throw new SyntaxError("no JSON object");
    if (status === 200) return answer as Record<string, unknown>;
    const { message } = answer as { message?: unknown };
    throw new CommandError(exitCodes.failed, `${label}: ${message ?? `HTTP ${status}`}`);
  } catch (error) {
    if (signal?.aborted) {
      throw new CommandError(exitCodes.unreachable, `${label}: no answer in ${timeoutMs} ms`);
    }
    if (error instanceof SyntaxError) {
      const message = `${label}: the answer is not that of a Modelport`;
      throw new CommandError(exitCodes.failed, message, "check --address", { cause: error });
    }
    throw explainConnection(error, address) ?? error;
  }
}

interface Post {
  readonly rpc: string;
  readonly body: string;
  readonly signal: AbortSignal | undefined;
}

function post(
  client: ClientOptions,
  { rpc, body, signal }: Post,
): Promise<{ status: number | undefined; body: string }> {
  const { address, tokenFile } = client;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (tokenFile !== undefined) {
    headers["authorization"] = `Bearer ${readOptionFile("token-file", tokenFile).trim()}`;
  }
  const options: https.RequestOptions = {
    method: "POST",
    headers,
    agent: false,
    ...(signal === undefined ? {} : { signal }),
    ...(address.socketPath === undefined ? {} : { socketPath: address.socketPath }),
    ...(address.isTls ? tlsOptions(client) : {}),
  };
  const { request: open } = address.isTls ? https : http;
  return new Promise((resolve, reject) => {
    const request = open(`${address.url}/${rpc}`, options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
