import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import Fastify, { type FastifyBaseLogger, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { type AccessSettings, defaultAccess } from "../config/access-settings.ts";
import { defaultNetworkLimits } from "../config/network-limits.ts";
import type { Models } from "../service/contract/models.ts";
import type { RuntimeFeed } from "../service/contract/runtime-feed.ts";
import { CodecThread } from "./codec-thread/codec-thread.ts";
import { repairConnect } from "./connect/connect-repairs.ts";
import { callGate, failureInterceptor, requestGate } from "./connect/interceptors.ts";
import {
  compressionBrotli,
  compressionDeflate,
  compressionGzip,
} from "./connect/message-compression.ts";
import {
  clientStreamsOf,
  type MountedService,
  mounted,
  rpcPaths,
} from "./connect/mounted-service.ts";
import { answerUnroutable } from "./failures/answer-failure.ts";
import { answerUnreadable, headersRefusal, refuseUnknownMethods } from "./failures/refuse-call.ts";
import { GrpcUnary } from "./grpc/grpc-unary.ts";
import { unaryMethods } from "./grpc/grpc-unary-method.ts";
import { Access, type Caller, peerKey, type RefusalCount } from "./guard/access.ts";
import { browserGate } from "./guard/browser-gate.ts";
import type { BrowserRules } from "./guard/browser-rules.ts";
import { CallMemory } from "./guard/call-memory.ts";
import { GiveBack } from "./guard/give-back.ts";
import { requestMessages } from "./guard/request-counter.ts";
import { RequestLimits } from "./guard/request-limits.ts";
import { StreamLimits } from "./guard/stream-limits.ts";
import { passLargeInfer } from "./large/large-infer.ts";
import { type MetricsParts, metricsRoute } from "./metrics/metrics-route.ts";
import type { CallObserver } from "./observe/call-observer.ts";
import { ObservedRequests, observedKey, observedRequest } from "./observe/observed-requests.ts";
import { aboutServer } from "./pages/about-server.ts";
import { dashboard } from "./pages/dashboard.ts";
import { type DebugOptions, debugEndpoints } from "./pages/debug.ts";
import { openApi } from "./pages/openapi.ts";
import { plainHttp } from "./plain-http.ts";
import { isLoopback } from "./port/loopback.ts";
import { Port, type PortAddress, type PortOptions } from "./port/port.ts";
import { type InferenceRestParts, inferenceRest } from "./rest/inference-rest.ts";
import { restScope } from "./rest/rest-route.ts";
import { healthService, type Readiness } from "./services/health.ts";
import { inferenceService } from "./services/inference.ts";
import { modelInferMethod } from "./services/model-infer-method.ts";
import { modelRuntimeService } from "./services/model-runtime.ts";
import { reflectionServices } from "./services/reflection.ts";
import { type RuntimeWatchParts, runtimeWatchService } from "./watch/runtime-watch.ts";
import { SharedUpdates } from "./watch/shared-updates.ts";
import { watchLines } from "./watch/watch-lines.ts";
import { WatchUpdates } from "./watch/watch-updates.ts";

export interface ServerOptions extends PortOptions {
  /** This program's version. */
  readonly version: string;
  /** Limit for one message, after decompression. */
  readonly readMaxBytes: number;
  /** Which clients may make which calls. Absent entries have their defaults. */
  readonly access?: Partial<AccessSettings>;
  /** Which pages may call besides its own, and the names by which browsers may know this server besides
   *  localhost and addresses; none if absent. */
  readonly browserRules?: BrowserRules;
  /** The output of scripts/build-dashboard.js; it may be missing. */
  readonly dashboardFolder?: string;
  /** No /debug page if absent, or without a feed to watch. */
  readonly debug?: DebugOptions;
  /** Returns free memory of this process's allocator to the system. Called after bursts of calls. */
  readonly trimMemory?: () => void;
  /** How long calls in flight may go on after `close`. */
  readonly closeGraceMs: number;
  /** Whether clients can use reflection, which is on by default. */
  readonly reflection?: boolean;
  /** Whether unary gRPC calls take the fast path around Connect, which is on by default; tests and benchmarks
   *  compare the two. */
  readonly fastPath?: boolean | undefined;
}

export interface Server {
  /** Rejects with "failed-precondition" if an address cannot be bound. */
  listen(): Promise<PortAddress>;
  /** Lets calls in flight finish, then aborts them. Resolves when every connection is closed. */
  close(): Promise<void>;
  /** Connections that are open now, of both HTTP versions. */
  readonly connectionCount: number;
  /** Which kinds of callers were refused, and how often, since the start. */
  readonly refusals: readonly RefusalCount[];
  /** For TLS: when the certificate expires, in milliseconds since 1970, and how many handshakes failed.
   *  Undefined without TLS. */
  readonly tls: Port["tls"];
}

// More than Node allows in a request line.
const maxPathLetters = 16 * 1024;

const noRules: BrowserRules = { allowedOrigins: new Set(), allowedHosts: new Set() };

// How long aborted calls have to answer their callers.
const abortGraceMs = 1000;

/** The wire side of the runtime. It may listen before `models` is ready; `readiness` feeds the health
 *  service, and must agree with `models.ready`. */
export async function buildServer(parts: {
  readonly models: Models;
  readonly readiness: Readiness;
  /** What the watch service shows; without it there is no such service. */
  readonly watch?: RuntimeFeed;
  readonly options: ServerOptions;
  readonly log: Logger;
  /** Receives every call. */
  readonly observer?: CallObserver | undefined;
  /** The content of GET /metrics, and who may read it; without it there is no such page. */
  readonly metrics?: MetricsParts | undefined;
  /** Services besides those of the runtime. */
  readonly services?: readonly MountedService[];
}): Promise<Server> {
  const { models, readiness, watch, options, log, observer } = parts;
  const { version } = options;
  const port = new Port(options, log);
  watch?.countConnections(() => port.connectionCount);
  const closing = new AbortController();
  const aborting = new AbortController();
  const access = new Access(
    { ...defaultAccess, ...options.access },
    { takesCertificates: (options.tls?.clientAuth ?? "none") !== "none", log },
  );
  const gate = callGate(access, log);
  // curl shows STARTING and NOT_SERVING only if values equal to the default are written.
  const jsonOptions = { alwaysEmitImplicit: true };
  const watchParts: RuntimeWatchParts | undefined = watch && {
    updates: new WatchUpdates(watch, closing.signal),
    shared: new SharedUpdates(),
    access,
  };
  const checked = [
    mounted(ModelRuntime, modelRuntimeService(models), jsonOptions),
    mounted(GRPCInferenceService, inferenceService({ models, version, log })),
    ...(watchParts
      ? [mounted(RuntimeWatchService, runtimeWatchService(watchParts), jsonOptions)]
      : []),
    ...(parts.services ?? []),
  ];
  const names = checked.map(({ service }) => service.typeName);
  const named = [
    ...checked,
    mounted(Health, healthService(readiness, names, closing.signal), jsonOptions),
  ];
  const described = named.map(({ service }) => service);
  const services = [
    ...named,
    ...((options.reflection ?? true) ? reflectionServices(described, closing.signal) : []),
  ];
  const messages = requestMessages(services.map(({ service }) => service));
  const app = Fastify({
    serverFactory: (handler) => port.attach(refuseUnknownMethods(handler)),
    frameworkErrors: (error, request, reply) => {
      observed?.begin(request, reply);
      answerUnroutable(error, { request, reply, log });
    },
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, log),
    loggerInstance: log as FastifyBaseLogger,
    // REST paths hold model ids, which have no length limit of their own.
    routerOptions: { maxParamLength: maxPathLetters },
    logController: new LogController({ disableRequestLogging: true }),
  });
  const peerOf = (request: FastifyRequest) => port.peerOf(request.raw);
  const callerOf = (request: FastifyRequest): Caller => ({
    peer: peerOf(request),
    authorization: request.headers.authorization,
  });
  const rpcs = new Set(services.flatMap(({ service }) => rpcPaths(service)));
  const observed = observer && new ObservedRequests({ observer, peerOf, rpcs });
  observed?.listen(app);
  plainHttp(app);
  await browserGate(app, { rules: options.browserRules ?? noRules, peerOf, log });
  dashboard(app, options.dashboardFolder, aboutServer(version));
  const compressions = [compressionGzip, compressionBrotli, compressionDeflate];
  await app.register((scope, _options, done) => {
    repairConnect(scope, { messages, peerOf, log });
    void scope.register(fastifyConnectPlugin, {
      routes(router) {
        for (const { service, implementation, jsonOptions } of services) {
          router.service(service, implementation, { jsonOptions });
        }
        passLargeInfer(router, { readMaxBytes: options.readMaxBytes, compressions });
      },
      contextValues: (request) =>
        createContextValues()
          .set(peerKey, peerOf(request))
          .set(observedKey, observedRequest(request.raw)),
      requestGate: requestGate(gate, log),
      interceptors: [failureInterceptor(log)],
      readMaxBytes: options.readMaxBytes,
      acceptCompression: compressions,
      shutdownSignal: aborting.signal,
    });
    done();
  });
  const codecThread = new CodecThread({ ...defaultNetworkLimits, ...options }.maxCallBytes);
  const rest: InferenceRestParts = {
    models,
    version,
    log,
    readMaxBytes: options.readMaxBytes,
    codecThread,
    access,
    callerOf,
    shutdownSignal: aborting.signal,
  };
  void app.register(
    (scope, _options, done) => {
      restScope(scope, log);
      openApi(scope, rest);
      inferenceRest(scope, rest);
      done();
    },
    { prefix: "/v2" },
  );
  void app.register(
    (scope, _options, done) => {
      restScope(scope, log);
      if (watchParts) watchLines(scope, { ...rest, ...watchParts });
      done();
    },
    { prefix: "/modelport/v1" },
  );
  const { debug } = options;
  if (debug !== undefined && debug.endpoints !== "off" && watch !== undefined) {
    void app.register(
      (scope, _options, done) => {
        restScope(scope, log);
        debugEndpoints(scope, { ...rest, feed: watch, options: debug });
        done();
      },
      { prefix: "/debug" },
    );
  }
  const { metrics } = parts;
  if (metrics !== undefined) {
    void app.register((scope, _options, done) => {
      metricsRoute(scope, { ...rest, ...metrics });
      done();
    });
  }
  await app.ready();
  const networkLimits = { ...defaultNetworkLimits, ...options };
  const memory = new CallMemory(networkLimits);
  const streamLimits = new StreamLimits({
    ...networkLimits,
    memory,
    clientStreams: new Set(services.flatMap(clientStreamsOf)),
    messages,
    log,
  });
  const requestLimits = new RequestLimits({ ...networkLimits, memory, messages, log });
  port.interceptRequests((request, response) => requestLimits.watch(request, response));
  let short: GrpcUnary | undefined;
  if (options.fastPath ?? true) {
    short = new GrpcUnary({
      methods: [
        ...services.flatMap(unaryMethods),
        // Replaces the generated one: this call has to be fast.
        modelInferMethod(models),
      ],
      gate,
      log,
      observer,
      readMaxBytes: options.readMaxBytes,
      peerOf: (stream) => port.peerOfStream(stream),
      shutdownSignal: aborting.signal,
    });
  }
  const giveBack = new GiveBack({
    calls: memory,
    letGo: () => short?.letGo(),
    trim: options.trimMemory,
  });
  port.interceptStreams(
    (stream, headers) => {
      const watched = streamLimits.watch(stream, headers);
      if (short?.take(stream, headers, watched)) return true;
      watched?.listen();
      return false;
    },
    headersRefusal(networkLimits.maxHeaderListBytes, log),
  );

  let closed: Promise<void> | undefined;
  const close = async () => {
    closing.abort();
    const reason = new ConnectError("the runtime is shutting down", Code.Unavailable);
    const abort = setTimeout(() => aborting.abort(reason), options.closeGraceMs);
    const destroy = setTimeout(() => port.destroy(), options.closeGraceMs + abortGraceMs);
    await port.close();
    access.close();
    streamLimits.close();
    requestLimits.close();
    giveBack.close();
    codecThread.close();
    clearTimeout(abort);
    clearTimeout(destroy);
    await app.close();
  };
  return {
    async listen() {
      await access.open();
      const address = await port.listen();
      const isExposed = access.isOpen("lifecycle") && options.tls?.clientAuth !== "require";
      if (isExposed && !address.hosts.every(isLoopback)) {
        log.warn({ hosts: address.hosts }, "lifecycle calls taken from anybody in the network");
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
