import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { describeError } from "../base/errors.ts";
import { formatBytes } from "../clients/figures.ts";
import type { Config, ConfigReading } from "../config/config.ts";
import type { RunSettings } from "../config/run-settings.ts";
import type { Engine, ModelSource } from "../engine/contract/engine.ts";
import { describedOf } from "../service/described/described-of.ts";
import {
  type ModelConfiguration,
  readModelConfiguration,
} from "../service/lifecycle/model-configuration.ts";
import {
  listModelRepository,
  type RepositoryListing,
} from "../storage/repository/model-repository.ts";
import { type Finding, judgeOf } from "./finding.ts";

/** Ignored entries that are listed. */
const maxShown = 10;

/** Whether the model directories exist and are readable. */
export async function checkModelFolders(
  config: Config,
  values: ConfigReading["values"],
): Promise<Finding[]> {
  const judge = judgeOf("model directory");
  const mayLack = new Set<string>();
  // A missing default directory is not a problem: no setting asked for it.
  if (values["extra-model-dirs"].source.kind === "default") {
    for (const root of config.modelRoots.slice(-1)) mayLack.add(root);
  }
  if (config.modelRepository !== undefined && values["root-model-dir"].source.kind === "default") {
    mayLack.add(String(values["root-model-dir"].value));
  }
  const findings: Finding[] = [];
  for (const root of config.modelRoots) {
    const problem = await readingProblem(root);
    if (problem === undefined) findings.push(judge("ok", `${root} can be read`));
    else if (root === config.modelRepository) {
      findings.push(
        judge(
          "fail",
          problem,
          "correct --model-repository, or give this user read permission there",
        ),
      );
    } else if (!mayLack.has(root)) {
      const advice =
        "mount the volume there, correct --root-model-dir or --extra-model-dirs, or give this user read permission there";
      findings.push(judge("warn", problem, advice));
    }
  }
  return findings;
}

async function readingProblem(folder: string): Promise<string | undefined> {
  try {
    if (!(await stat(folder)).isDirectory()) return `${folder} is not a directory`;
    await access(folder, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return `${folder} does not exist`;
    return code === "EACCES" ? `${folder} is not readable by this user` : `${folder}: ${code}`;
  }
}

/** Loads each model of the repository, one after the other, and reports the result. `engine`: undefined if it
 *  does not work. */
export async function checkRepository(
  config: Config,
  engine: Engine | undefined,
  availableBytes: number,
): Promise<Finding[]> {
  const judge = judgeOf("repository");
  const { modelRepository: folder } = config;
  if (folder === undefined || engine === undefined) return [];
  let listing: RepositoryListing;
  try {
    listing = await listModelRepository(folder, engine.modelKinds);
  } catch (error) {
    return [judge("fail", describeError(error), "correct the directory, or --model-repository")];
  }
  const { models: entries, ignored, doubles } = listing;
  const findings: Finding[] = [];
  if (entries.length === 0) {
    const advice = "add a model file, or a directory with one";
    findings.push(judge("warn", `${folder} has no models`, advice));
  }
  for (const { id, served, ignored: other } of doubles) {
    const message = `${other} is not served: ${served} is model '${id}'`;
    findings.push(judge("warn", message, "rename or remove one of them"));
  }
  if (ignored.length > 0) {
    const shown = ignored.slice(0, maxShown).map(({ name, why }) => `${name} (${why})`);
    const more = ignored.length > maxShown ? `, and ${ignored.length - maxShown} more` : "";
    findings.push(judge("ok", `ignored, being no models: ${shown.join(", ")}${more}`));
  }
  let totalBytes = 0;
  for (const { id, versions, refusal } of entries) {
    if (refusal !== undefined) {
      const advice = "give this user read permission, or remove it";
      findings.push(judgeOf("model")("fail", `${id}: ${refusal.message}`, advice));
    }
    for (const { version, path } of versions) {
      const model = { name: version === "" ? id : `${id} version ${version}`, path };
      const verdict = await tryModel(model, { config, engine, availableBytes });
      findings.push(verdict.finding);
      totalBytes += verdict.sizeBytes;
    }
  }
  if (totalBytes > config.capacityBytes) {
    const message = `all models together take ${formatBytes(totalBytes)}, but only ${formatBytes(config.capacityBytes)} are for models`;
    findings.push(judge("fail", message, "raise CONTAINER_MEM_REQ_BYTES, or remove models"));
  }
  return findings;
}

interface Trial {
  readonly config: Config;
  readonly engine: Engine;
  readonly availableBytes: number;
}

async function tryModel(
  { name, path }: { readonly name: string; readonly path: string },
  { config, engine, availableBytes }: Trial,
): Promise<{ readonly finding: Finding; readonly sizeBytes: number }> {
  const judge = judgeOf("model");
  let estimatedBytes = 0;
  try {
    const roots = config.modelRoots;
    const file = await engine.locate({ path, name: path, roots, format: undefined });
    const configuration = await readModelConfiguration(file);
    const settings = { ...config.runSettings, ...configuration.settings };
    const source = await engine.inspect(file);
    ({ estimatedBytes } = source);
    if (estimatedBytes > availableBytes) {
      const message = `${name}: not tried, it may take ${formatBytes(estimatedBytes)} but only ${formatBytes(availableBytes)} are available`;
      const finding = judge("warn", message, "stop other programs on this machine, and try again");
      return { finding, sizeBytes: estimatedBytes };
    }
    const sizeBytes = await loadOnce(engine, source, {
      settings,
      configuration,
      timeoutMs: config.loadTimeoutMs,
      mostBytes: availableBytes,
    });
    const message = `${name}: ${source.format}, ${formatBytes(sizeBytes)}`;
    const { ignored } = configuration;
    if (ignored.length === 0) return { finding: judge("ok", message), sizeBytes };
    const note = `${message}; these fields of its config.pbtxt have no effect: ${ignored.join(", ")}`;
    return { finding: judge("ok", note), sizeBytes };
  } catch (error) {
    const advice = "correct the model or its settings, or remove it";
    return { finding: judge("fail", `${name}: ${describeError(error)}`, advice), sizeBytes: 0 };
  }
}

/** Resolves with the bytes that the model took. */
async function loadOnce(
  engine: Engine,
  source: ModelSource,
  {
    settings,
    configuration,
    timeoutMs,
    mostBytes,
  }: {
    readonly settings: RunSettings;
    readonly configuration: ModelConfiguration;
    readonly timeoutMs: number;
    readonly mostBytes: number;
  },
): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs);
  const model = await engine.load(source, { signal, isolated: false, settings, mostBytes });
  try {
    configuration.check(describedOf(model, settings));
  } finally {
    await model.unload();
  }
  return model.sizeBytes;
}
