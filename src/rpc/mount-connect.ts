import { createContextValues } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { type CallGate, failureInterceptor, requestGate } from "./connect/interceptors.ts";
import {
  compressionBrotli,
  compressionDeflate,
  compressionGzip,
} from "./connect/message-compression.ts";
import type { MountedService } from "./connect/mounted-service.ts";
import { repairConnect } from "./connect/repairs.ts";
import { peerKey } from "./guard/access.ts";
import type { RequestMessages } from "./guard/request-counter.ts";
import { passLargeInfer } from "./large/pass-infer.ts";
import { observedKey, observedRequest } from "./observe/observed-requests.ts";
import type { Peer } from "./port/peer.ts";

const compressions = [compressionGzip, compressionBrotli, compressionDeflate];

/** Mounts the services on Connect's router: gRPC-Web, Connect, and gRPC off the fast path. */
export async function mountConnect(
  app: FastifyInstance,
  parts: {
    readonly services: readonly MountedService[];
    readonly messages: RequestMessages;
    readonly gate: CallGate;
    readonly peerOf: (request: FastifyRequest) => Peer | undefined;
    readonly readMaxBytes: number;
    readonly shutdownSignal: AbortSignal;
    readonly log: Logger;
  },
): Promise<void> {
  const { services, gate, peerOf, readMaxBytes, shutdownSignal, log } = parts;
  await app.register((scope, _options, done) => {
    repairConnect(scope, parts);
    void scope.register(fastifyConnectPlugin, {
      routes(router) {
        for (const { service, implementation, jsonOptions } of services) {
          router.service(service, implementation, { jsonOptions });
        }
        passLargeInfer(router, { readMaxBytes, compressions });
      },
      contextValues: (request) =>
        createContextValues()
          .set(peerKey, peerOf(request))
          .set(observedKey, observedRequest(request.raw)),
      requestGate: requestGate(gate, log),
      interceptors: [failureInterceptor(log)],
      readMaxBytes,
      acceptCompression: compressions,
      shutdownSignal,
    });
    done();
  });
}
