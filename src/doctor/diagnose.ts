import { engineVersion } from "../base/version.ts";
import { loadConfig } from "../config/config.ts";
import { createEngine } from "../engine/create-engine.ts";
import { checkAccess } from "./check-access.ts";
import { checkClock, programTimeMs } from "./check-clock.ts";
import { checkEngine } from "./check-engine.ts";
import { checkLimits, processLimits } from "./check-limits.ts";
import { checkMemory, machineMemory } from "./check-memory.ts";
import { checkModelFolders, checkRepository } from "./check-models.ts";
import { checkNode } from "./check-node.ts";
import { checkPayloadLog } from "./check-payload-log.ts";
import { checkPort } from "./check-port.ts";
import { checkSigning } from "./check-signing.ts";
import { checkSpace } from "./check-space.ts";
import { checkTls } from "./check-tls.ts";
import { checkUnixSocket } from "./check-unix-socket.ts";
import { type Finding, judgeOf } from "./finding.ts";

/** Checks everything that `serve` needs with these flags and this environment. Starts nothing but engine hosts,
 *  for a moment. Yields each finding as soon as it is known. */
export async function* diagnose(
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): AsyncGenerator<Finding> {
  yield checkNode(process.versions.node);
  yield checkClock(Date.now(), programTimeMs());
  const { config, values, problems, warnings } = await loadConfig(flags, env);
  const settings = judgeOf("settings");
  for (const problem of problems) yield settings("fail", problem, "see modelport serve --help");
  for (const warning of warnings) yield settings("warn", warning, "rename or remove it");
  // All other checks need the settings.
  if (config === undefined) return;
  const path = config.configPath;
  yield settings("ok", path === undefined ? "no problems" : `no problems, ${path} included`);
  yield await checkPort(config);
  if (config.unixSocket !== undefined) yield await checkUnixSocket(config.unixSocket);
  yield* await checkTls(config, Date.now());
  yield* await checkAccess(config);
  yield* checkSigning(config, new Date());
  yield* await checkPayloadLog(config);
  yield* checkMemory(config, values);
  yield* checkLimits(config, await processLimits());
  yield* await checkSpace(config);
  yield* await checkModelFolders(config, values);
  const engine = createEngine({
    hosts: 1,
    dedicatedMinBytes: config.dedicatedHostMinBytes,
    warmupTimeoutMs: config.warmupTimeoutMs,
    runMemoryBytes: config.runMemoryBytes,
    executionProvider: config.executionProvider,
    environment: env["NODE_COMPILE_CACHE"] ? { NODE_COMPILE_CACHE: env["NODE_COMPILE_CACHE"] } : {},
  });
  try {
    const finding = await checkEngine(engine, engineVersion);
    yield finding;
    const works = finding.level === "fail" ? undefined : engine;
    yield* await checkRepository(config, works, machineMemory().availableBytes);
  } finally {
    await engine.close();
  }
}
