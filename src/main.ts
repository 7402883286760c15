import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describeError, RuntimeError } from "./base/errors.ts";
import { SafePath } from "./base/files/safe-path.ts";
import { exitProcess } from "./base/process-exit.ts";
import { version } from "./base/version.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { showSettings } from "./config/shown-settings.ts";
import { createEngine } from "./engine/create-engine.ts";
import { hostEnvironment } from "./engine/hosts/environment.ts";
import { giveBackFreeMemory } from "./engine/process/free-memory.ts";
import type { TranslationSettings } from "./engine/translation/create-translations.ts";
import { changeLogLevel, createLogger } from "./observe/log.ts";
import { openTracing, type Tracing } from "./observe/tracing.ts";
import { MetricsPage } from "./rpc/metrics/page.ts";
import { MetricsPort } from "./rpc/metrics/scrape-port.ts";
import { CallLog } from "./rpc/observe/call-log.ts";
import { CallMetrics } from "./rpc/observe/call-metrics.ts";
import { combineObservers } from "./rpc/observe/call-observer.ts";
import { CallTracing } from "./rpc/observe/call-tracing.ts";
import { PayloadLog } from "./rpc/payload-log/payload-log.ts";
import { buildServer } from "./rpc/server.ts";
import { LifecycleTracing } from "./service/lifecycle/load-tracing.ts";
import { ModelManager } from "./service/model-manager.ts";
import { createSigning, trustedFolder } from "./signing/create-signing.ts";
import { announce } from "./start/announce.ts";
import { setCollectorFlags } from "./start/collector-flags.ts";
import { modelRoots } from "./start/model-roots.ts";
import { awaitPrestop } from "./start/prestop.ts";
import { ModelPuller } from "./storage/model-puller.ts";
import { ProcessFolder } from "./storage/process-folder.ts";

/** How long a collector may take for the last spans. */
const traceFlushMs = 2_000;
/** How long the sink of the payload log has for what waits, at least: longer, if the grace is not over. */
const payloadFlushMs = 2_000;
/** Time beyond the grace, for what is closed after the last inference. */
const closeMs = 5_000;

/** Serves models until a signal ends the process. `flags`: without the program and the command. Resolves when
 *  the local repository's models are loaded, or with `process.exitCode` set if the server cannot start. */
export async function serve(flags: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // The reader of the announcement may be gone, as with `head -1`: that must not end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const { config, values, problems, warnings } = await loadConfig(flags, env);
  if (config === undefined) {
    process.stderr.write(`modelport: ${problems.join("\n")}\n`);
    process.exitCode = 1;
    return;
  }
  setCollectorFlags();
  const log = createLogger(config.logLevel);
  for (const reason of warnings) log.warn({ reason }, "environment has a doubtful variable");
  let tracing: Tracing | undefined;
  try {
    tracing = config.tracing && (await openTracing(config.tracing, log));
  } catch (error) {
    process.stderr.write(`modelport: ${describeError(error)}\n`);
    process.exitCode = 1;
    return;
  }
  const engine = createEngine({
    hosts: config.engineHosts,
    dedicatedMinBytes: config.dedicatedHostMinBytes,
    warmupTimeoutMs: config.warmupTimeoutMs,
    killGraceMs: config.hostGraceMs,
    runMemoryBytes: config.runMemoryBytes,
    maxWasteBytes: config.maxWasteBytes,
    environment: hostEnvironment(env, config.executionProvider),
    executionProvider: config.executionProvider,
    translation: translationOf(config),
    log,
  });
  const puller = new ModelPuller(config.pull, log, {
    hasSignatures: config.signing !== undefined,
  });
  void puller.removeLeftovers();
  const signing = config.signing && createSigning(config.signing, log);
  void signing?.removeLeftovers();
  const models = new ModelManager(
    {
      engine,
      safePath: new SafePath(await modelRoots(config)),
      puller,
      ...(signing && { signing }),
      log,
      tracing: tracing && new LifecycleTracing(tracing),
    },
    config,
  );
  const calls = new CallMetrics();
  const { accessLog } = config;
  const callLog =
    accessLog.calls === "off" && tracing === undefined
      ? undefined
      : new CallLog({
          log,
          settings: accessLog,
          tracing: tracing && new CallTracing(tracing),
        });
  const { metrics } = models.watch;
  const page = new MetricsPage(calls, metrics);
  const payloadLog = config.payloadLog && new PayloadLog(config.payloadLog, log);
  if (payloadLog !== undefined) {
    page.countPayloads(() => payloadLog.figures);
    models.watch.showPayloadLog(() => payloadLog.state);
  }
  const metricsPort = new MetricsPort(page, log);
  const server = await buildServer({
    models,
    texts: models.texts,
    readiness: models.readiness,
    watch: models.watch,
    observer: combineObservers([calls, callLog, payloadLog]),
    metrics: config.metrics.access === "none" ? undefined : { page },
    options: {
      host: config.host,
      port: config.port,
      socketPath: config.unixSocket,
      version,
      readMaxBytes: config.maxMessageBytes,
      tls: config.tls,
      access: config.access,
      reflection: config.reflection,
      caikitDomain: config.caikitDomain,
      hosting: {
        models: config.namedModels.map(({ name }) => name),
        routes: config.hostingRoutes,
      },
      browserRules: {
        allowedOrigins: new Set(config.corsOrigins),
        allowedHosts: new Set(config.allowedHosts),
      },
      dashboardFolder: fileURLToPath(new URL("../dist/dashboard", import.meta.url)),
      debug: { endpoints: config.debugEndpoints, settings: () => showSettings(values) },
      closeGraceMs: config.shutdownGraceMs,
      // Small pieces lie between others in glibc's heap, which it shrinks at its end only.
      trimMemory: () => giveBackFreeMemory(0),
      ...config.networkLimits,
    },
    log,
  });
  page.countRefusals(() => server.refusals);

  let stopping: Promise<void> | undefined;
  let wasSignalled = false;
  const stop = (reason: string, exitCode: number) => {
    stopping ??= (async () => {
      log.info({ reason }, "shutdown started");
      const closing = (async () => {
        const startMs = performance.now();
        // Loads stop at once; inferences and their connections may go on until the grace is over.
        await Promise.all([server.close(), models.close(config.shutdownGraceMs)]);
        await engine.close();
        const restMs = config.shutdownGraceMs - (performance.now() - startMs);
        await payloadLog?.close(Math.max(payloadFlushMs, restMs));
        await Promise.all([
          puller.close(),
          signing?.close(),
          metricsPort.close(),
          tracing?.close(traceFlushMs),
        ]);
        log.info({ reason }, "shutdown finished");
      })();
      // A disk that does not answer must not delay the exit: the next start finds what is left there.
      await Promise.race([closing, sleep(config.shutdownGraceMs + closeMs)]);
      await exitProcess(exitCode);
    })();
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (wasSignalled || stopping !== undefined) {
      void exitProcess(1); // A second signal means: now.
      return;
    }
    wasSignalled = true;
    const { prestopPort: port, prestopTimeoutMs: timeoutMs } = config;
    // ModelMesh goes on sending requests, and loads for other clients, until it has ended.
    const mayStop = port === undefined ? undefined : awaitPrestop({ port, timeoutMs, log });
    if (mayStop === undefined) stop(signal, 0);
    else void mayStop.then(() => stop(signal, 0));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // For operators with a shell in the container but no HTTP client.
  process.on("SIGUSR2", () => {
    changeLogLevel(log, log.level === config.logLevel ? "debug" : config.logLevel);
  });
  engine.ready.catch((error: unknown) => {
    if (stopping !== undefined) return;
    // A runtime that cannot run anything must not look alive: its supervisor starts a new one.
    log.fatal({ reason: describeError(error) }, "engine failed to start");
    stop("engine failed to start", 1);
  });

  try {
    await signing?.open();
    const { host: metricsHost, port: ownPort } = config.metrics;
    if (ownPort !== undefined) {
      const at = await metricsPort.listen({ host: metricsHost, port: ownPort });
      log.info({ port: at, host: metricsHost }, "metrics listening");
    }
    const { port, hosts, socketPath } = await server.listen();
    log.info({ port, hosts, socketPath, capacityBytes: config.capacityBytes }, "server listening");
    const url = `${config.tls === undefined ? "http" : "https"}://${config.host}:${port}`;
    if (config.modelRepository !== undefined || config.namedModels.length > 0) {
      process.stdout.write(await serveRepository(models, config, url));
    }
  } catch (error) {
    // What fails because of the end is no reason for it.
    if (stopping !== undefined) return;
    process.stderr.write(`modelport: ${describeError(error)}\n`);
    stop("start failed", 1);
  }
}

/** What others have put into the directory of translations is not what a signature was checked of. */
function translationOf({ translation, signing }: Config): TranslationSettings {
  const own = new ProcessFolder(translation.directory);
  if (signing === undefined) return { ...translation, own };
  return { ...translation, directory: undefined, own: trustedFolder(signing) };
}

/** Loads every model of the repository and every named one; failures are reported and do not stop the others. Rejects if
 *  a named model does not serve then: whoever started the server sees why, and may start it again. */
async function serveRepository(
  models: ModelManager,
  { namedModels }: Pick<Config, "namedModels">,
  url: string,
): Promise<string> {
  const failures = await models.loadRepository(new AbortController().signal);
  const missing = namedModels.filter(({ name }) => !models.isModelReady(name, ""));
  if (missing.length > 0) {
    const lines = missing.map(({ name, path }) => {
      const line = failures.find((failure) => failure.startsWith(`${name}: `));
      return `model '${name}' at ${path} did not load${line?.slice(name.length) ?? ""}`;
    });
    throw new RuntimeError("load-failed", lines.join("\n"));
  }
  const names = new Set((await models.index()).map(({ name }) => name));
  const served = [...names].filter((name) => models.isModelReady(name, ""));
  const announced = served.map((id) => ({
    id,
    sizeBytes: models.size(id),
    ...models.describe(id, ""),
  }));
  return announce(url, announced, failures);
}
