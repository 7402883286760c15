import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-code.ts";
import { type ClientOptions, readOptionFile } from "./client-options.ts";
import { explainConnection } from "./connection-failure.ts";
import { tlsOptions } from "./tls-options.ts";

/** Calls an RPC with JSON over HTTP/1.1. Probes run every few seconds beside the server, and starting a gRPC
 *  client costs more CPU time than the rest of a probe. Resolves with the response's fields. Throws
 *  CommandError. */
export function callJson(
  options: ClientOptions,
  rpc: string,
  request: object,
): Promise<Readonly<Record<string, unknown>>> {
  return callRoute(options, { method: "POST", path: `/${rpc}`, request });
}

export interface JsonRoute {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** Sent as JSON. */
  readonly request?: object;
}

/** The same for a path without a body. */
export async function callRoute(
  options: ClientOptions,
  route: JsonRoute,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, answer } = await askRoute(options, route);
  if (status === 200) return answer;
  const { message, error } = answer;
  const reason = message ?? error ?? `HTTP ${status}`;
  throw new CommandError(exitCodes.failed, `${options.address.label}: ${reason}`);
}

export interface JsonAnswer {
  readonly status: number | undefined;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** The response, whatever its status. Throws CommandError if there is none, or if it is not a JSON object. */
export async function askRoute(
  options: ClientOptions,
  { method, path, request }: JsonRoute,
): Promise<JsonAnswer> {
  const { address, timeoutMs } = options;
  const { label } = address;
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    const sent = request === undefined ? "" : JSON.stringify(request);
    const { status, body } = await exchange(options, { method, path, body: sent, signal });
    const answer: unknown = JSON.parse(body);
    if (typeof answer !== "object" || answer === null) throw new SyntaxError("not a JSON object");
    return { status, answer: answer as JsonAnswer["answer"] };
  } catch (error) {
    if (signal?.aborted) {
      throw new CommandError(exitCodes.unreachable, `${label}: no response within ${timeoutMs} ms`);
    }
    if (error instanceof SyntaxError) {
      const message = `${label}: the response is not from a Modelport`;
      throw new CommandError(exitCodes.failed, message, "check --address", { cause: error });
    }
    throw explainConnection(error, address) ?? error;
  }
}

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly signal: AbortSignal | undefined;
}

function exchange(
  client: ClientOptions,
  { method, path, body, signal }: Exchange,
): Promise<{ status: number | undefined; body: string }> {
  const { address, tokenFile } = client;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (tokenFile !== undefined) {
    headers["authorization"] = `Bearer ${readOptionFile("token-file", tokenFile).trim()}`;
  }
  const options: https.RequestOptions = {
    method,
    headers,
    agent: false,
    ...(signal === undefined ? {} : { signal }),
    ...(address.socketPath === undefined ? {} : { socketPath: address.socketPath }),
    ...(address.isTls ? tlsOptions(client) : {}),
  };
  const { request: open } = address.isTls ? https : http;
  return new Promise((resolve, reject) => {
    const request = open(`${address.url}${path}`, options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
