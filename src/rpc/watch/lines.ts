import { Readable } from "node:stream";
import { toJson } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import {
  type Caller as ClientMessage,
  WatchResponseSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { RuntimeError } from "../../base/errors.ts";
import { toConnectError } from "../failures/error-codes.ts";
import { logFailure } from "../failures/log-failure.ts";
import type { Client } from "../guard/access.ts";
import { type ObservedRequest, observedRequest } from "../observe/observed-requests.ts";
import { passGate } from "../rest/add-route.ts";
import { callSignal } from "../rest/call-signal.ts";
import { describeClient, type RuntimeWatchParts } from "./runtime-watch-service.ts";
import type { Watcher } from "./updates.ts";

export interface WatchLinesParts extends RuntimeWatchParts {
  readonly clientOf: (request: FastifyRequest) => Client;
  readonly shutdownSignal: AbortSignal;
  readonly log: Logger;
}

/** GET /watch: the messages of RuntimeWatchService/Watch as one JSON message per line, for curl and shell
 *  scripts. (Streams of the Connect protocol have five binary bytes before every message.) `scope` is a REST
 *  scope, see restScope. */
export function watchLines(scope: FastifyInstance, parts: WatchLinesParts): void {
  scope.route({
    method: "GET",
    url: "/watch",
    // HEAD would run the stream to its end, which never comes.
    exposeHeadRoute: false,
    onRequest: async (request, reply) =>
      passGate({ request, reply, right: "inference", what: "GET /modelport/v1/watch" }, parts),
    handler: (request, reply) => {
      const { minIntervalMs = "0" } = request.query as { readonly minIntervalMs?: string };
      if (!/^\d{1,9}$/.test(minIntervalMs)) {
        const text = "minIntervalMs must be a whole number of milliseconds, 0 or above";
        throw new RuntimeError("invalid-argument", text);
      }
      const signal = callSignal(reply.raw, parts.shutdownSignal);
      const watcher = { intervalMs: Number(minIntervalMs), signal };
      const caller = describeClient(parts.access, parts.clientOf(request));
      const observed = observedRequest(request.raw);
      const lines = jsonLines(parts, { watcher, caller, observed });
      // Not in object mode, where Node would request sixteen lines ahead of a reader.
      const body = Readable.from(lines, { objectMode: false, highWaterMark: 1 });
      return reply
        .header("content-type", "application/jsonl")
        .header("cache-control", "no-store")
        .send(body);
    },
  });
}

interface LinesReader {
  readonly watcher: Watcher;
  readonly caller: ClientMessage;
  readonly observed: ObservedRequest | undefined;
}

async function* jsonLines(
  { updates, shared, log }: WatchLinesParts,
  { watcher, caller, observed }: LinesReader,
): AsyncGenerator<string, void> {
  try {
    for await (const { update, isSnapshot } of updates.of(watcher)) {
      const response = shared.response({ update, caller: isSnapshot ? caller : undefined });
      const message = toJson(WatchResponseSchema, response, { alwaysEmitImplicit: true });
      yield `${JSON.stringify(message)}\n`;
    }
  } catch (reason) {
    const error = toConnectError(reason);
    logFailure(log, "GET /modelport/v1/watch", error, {});
    // The status has already been sent: as in Connect's streams, the last message says how the stream ended.
    if (error.code === Code.Canceled) return;
    observed?.fail(error.code);
    const code = Code[error.code].toLowerCase();
    yield `${JSON.stringify({ error: { code, message: error.rawMessage } })}\n`;
  }
}
