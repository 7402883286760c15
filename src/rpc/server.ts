import type { FastifyRequest } from "fastify";
import { defaultAccess } from "../config/access-settings.ts";
import { defaultNetworkLimits } from "../config/network-limits.ts";
import { attachGuards } from "./attach-guards.ts";
import { CodecThread } from "./codec-thread/codec-thread.ts";
import { callGate } from "./connect/interceptors.ts";
import { rpcPaths } from "./connect/mounted-service.ts";
import { GrpcUnary } from "./grpc/unary.ts";
import { unaryMethods } from "./grpc/unary-method.ts";
import { Access, type Client, type RefusalCount } from "./guard/access.ts";
import { browserGate } from "./guard/browser-gate.ts";
import type { BrowserRules } from "./guard/browser-rules.ts";
import { requestMessages } from "./guard/request-counter.ts";
import { mountConnect } from "./mount-connect.ts";
import { mountPages } from "./mount-pages.ts";
import { mountRest } from "./mount-rest.ts";
import { mountedServices } from "./mounted-services.ts";
import { ObservedRequests } from "./observe/observed-requests.ts";
import { mountPlatforms } from "./platforms/platform-routes.ts";
import { Endpoint, type EndpointAddress } from "./port/endpoint.ts";
import { isLoopback } from "./port/loopback.ts";
import { ServerEnd } from "./server-end.ts";
import type { ServerParts } from "./server-options.ts";
import { modelInferMethod } from "./services/model-infer-method.ts";
import { SharedUpdates } from "./watch/shared-updates.ts";
import { WatchUpdates } from "./watch/updates.ts";
import { webApp } from "./web-app.ts";

export interface Server {
  /** Rejects with "failed-precondition" if an address cannot be bound. */
  listen(): Promise<EndpointAddress>;
  /** Lets calls in flight finish, then aborts them. Resolves when every connection is closed. */
  close(): Promise<void>;
  /** Connections that are open now, of both HTTP versions. */
  readonly connectionCount: number;
  /** Which kinds of clients were refused, and how often, since the start. */
  readonly refusals: readonly RefusalCount[];
  /** For TLS: when the certificate expires, in milliseconds since 1970, and how many handshakes failed.
   *  Undefined without TLS. */
  readonly tls: Endpoint["tls"];
}

const noRules: BrowserRules = { allowedOrigins: new Set(), allowedHosts: new Set() };

/** The wire side of the runtime. It may listen before `models` is ready; `readiness` feeds the health
 *  service, and must agree with `models.ready`. */
export async function buildServer(parts: ServerParts): Promise<Server> {
  const { models, texts, watch, options, log, observer } = parts;
  const { version, readMaxBytes } = options;
  const limits = { ...defaultNetworkLimits, ...options };
  const port = new Endpoint(options, log);
  watch?.countConnections(() => port.connectionCount);
  const end = new ServerEnd();
  const shutdownSignal = end.aborting;
  const access = new Access(
    { ...defaultAccess, ...options.access },
    { takesCertificates: (options.tls?.clientAuth ?? "none") !== "none", log },
  );
  const gate = callGate(access, log);
  const peerOf = (request: FastifyRequest) => port.peerOf(request.raw);
  const clientOf = (request: FastifyRequest): Client => ({
    peer: peerOf(request),
    authorization: request.headers.authorization,
  });
  const watching = watch && {
    updates: new WatchUpdates(watch, end.closing),
    shared: new SharedUpdates(),
    access,
  };
  const services = mountedServices({ ...parts, watching, closing: end.closing });
  const messages = requestMessages(services.map(({ service }) => service));

  const rpcs = new Set(services.flatMap(({ service }) => rpcPaths(service)));
  const observed = observer && new ObservedRequests({ observer, peerOf, rpcs });
  const app = webApp(port, { observed, log });
  await browserGate(app, { rules: options.browserRules ?? noRules, peerOf, log });
  const connect = { services, messages, gate, peerOf, readMaxBytes, shutdownSignal, log };
  await mountConnect(app, connect);
  const codecThread = new CodecThread(limits.maxCallBytes);
  const rest = { log, access, clientOf, shutdownSignal };
  const all = { ...rest, models, texts, version, readMaxBytes, codecThread };
  mountRest(app, all, watching);
  mountPages(app, rest, { ...options, feed: watch, metrics: parts.metrics });
  mountPlatforms(app, all, options.hosting);
  await app.ready();

  const fastPath =
    options.fastPath === false
      ? undefined
      : new GrpcUnary({
          // The last replaces the generated one: this call has to be fast.
          methods: [...services.flatMap(unaryMethods), modelInferMethod(models)],
          gate,
          log,
          observer,
          readMaxBytes,
          peerOf: (stream) => port.peerOfStream(stream),
          shutdownSignal,
        });
  const trim = options.trimMemory;
  const guards = attachGuards(port, { limits, services, messages, fastPath, trim, log });

  let closed: Promise<void> | undefined;
  const close = async () => {
    await end.endCalls(port, options.closeGraceMs);
    access.close();
    guards.close();
    codecThread.close();
    await app.close();
  };
  return {
    async listen() {
      await access.open();
      const address = await port.listen();
      const isExposed = access.isOpen("lifecycle") && options.tls?.clientAuth !== "require";
      if (isExposed && !address.hosts.every(isLoopback)) {
        log.warn({ hosts: address.hosts }, "lifecycle calls accepted from the whole network");
      }
      return address;
    },
    get refusals() {
      return access.refusals;
    },
    get tls() {
      return port.tls;
    },
    get connectionCount() {
      return port.connectionCount;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}
