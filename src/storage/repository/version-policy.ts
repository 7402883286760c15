import { createHash } from "node:crypto";
import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { readSmallFile } from "../../base/files/read-small-file.ts";
import { settingsFileName } from "../../config/run-settings.ts";
import {
  readTritonConfig,
  tritonConfigName,
  type VersionPolicy,
  versionsByPolicy,
} from "../../models/triton-config.ts";
import {
  readVersionChoice,
  type VersionChoice,
  versionFields,
} from "../../models/version-choice.ts";
import { fingerprintOf } from "./file-fingerprint.ts";
import { tryStat } from "./list-folder.ts";

/** Which versions of a model are served, and what else they are called. */
export interface ChosenVersions {
  /** Lowest first. */
  readonly versions: readonly string[];
  /** Alias → one of `versions`. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Undefined if no file has one. */
  readonly policy: VersionPolicy | undefined;
}

interface Chosen extends VersionChoice {
  /** The files that say so. */
  readonly policyFile: string;
  readonly aliasFile: string;
}

/** Those of the `versions` in a model's folder that its modelport.json allows, or without a policy there its
 *  config.pbtxt; all of them if neither has one. A config.pbtxt that cannot be read allows all: the loads will report
 *  why. `files`: names of the files in the folder. Throws "failed-precondition" if no version is left, or an alias
 *  stands for one that is not served; "invalid-argument" if modelport.json has a mistake; otherwise like
 *  `readSmallFile`. */
export async function chooseVersions(
  folder: string,
  files: readonly string[],
  versions: readonly string[],
): Promise<ChosenVersions> {
  const { policy, policyFile, aliases, aliasFile } = await readChoice(folder, files);
  const served = policy === undefined ? [...versions] : versionsByPolicy(policy, versions);
  if (served.length === 0 && policy?.tag === "specific") {
    throw new RuntimeError(
      "failed-precondition",
      `${policyFile} serves only the versions ${policy.versions.join(", ")}, but the folder has ${versions.join(", ")}`,
    );
  }
  for (const [alias, version] of aliases) {
    if (served.includes(version)) continue;
    const why = versions.includes(version) ? "the version policy leaves out" : "does not exist";
    throw new RuntimeError(
      "failed-precondition",
      `${aliasFile}: version_aliases.${alias} is version ${version}, which ${why}: ` +
        `expected one of those that are served, ${served.join(", ")}`,
    );
  }
  return { versions: served, aliases, policy };
}

/** Throws "failed-precondition" if the modelport.json of a folder without versions has fields that need some;
 *  otherwise like `chooseVersions`. */
export async function refuseVersionFields(folder: string, files: readonly string[]): Promise<void> {
  if (!files.includes(settingsFileName)) return;
  const { policy, aliases } = await readOwnChoice(folder);
  const [alias] = aliases.keys();
  if (alias === undefined && policy?.tag !== "specific") return;
  const field = alias === undefined ? "version_policy" : `version_aliases.${alias}`;
  throw new RuntimeError(
    "failed-precondition",
    `${join(folder, settingsFileName)}: ${field} needs versions, and the model has none: put it into folders ` +
      "with the numbers of its versions, or leave the field out",
  );
}

/** Changes with those settings of the modelport.json in `folder` that each version has by itself: another alias is no
 *  reason to load the versions again. "" if there is no such file. */
export async function settingsState(folder: string): Promise<string> {
  const file = join(folder, settingsFileName);
  if ((await tryStat(file)) === undefined) return "";
  try {
    const others = Object.entries(await readDocument(file)).filter(([name]) => !isOfAll(name));
    return createHash("sha256").update(JSON.stringify(others.sort())).digest("hex");
  } catch {
    return await fingerprintOf([file]);
  }
}

function isOfAll(name: string): boolean {
  return versionFields.some((field) => field === name);
}

async function readChoice(folder: string, files: readonly string[]): Promise<Chosen> {
  const settingsFile = join(folder, settingsFileName);
  const own = files.includes(settingsFileName)
    ? await readOwnChoice(folder)
    : { policy: undefined, aliases: new Map<string, string>() };
  const chosen = { ...own, policyFile: settingsFile, aliasFile: settingsFile };
  if (own.policy !== undefined || !files.includes(tritonConfigName)) return chosen;
  const policyFile = join(folder, tritonConfigName);
  return { ...chosen, policyFile, policy: await readTritonPolicy(policyFile) };
}

async function readOwnChoice(folder: string): Promise<VersionChoice> {
  const file = join(folder, settingsFileName);
  return readVersionChoice(await readDocument(file), file);
}

async function readDocument(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readSmallFile(file);
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new RuntimeError("invalid-argument", `${file} is not JSON: ${(error as Error).message}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new RuntimeError("invalid-argument", `${file} must be a JSON object`);
  }
  return document as Readonly<Record<string, unknown>>;
}

async function readTritonPolicy(file: string): Promise<VersionPolicy | undefined> {
  try {
    return readTritonConfig(await readSmallFile(file), file).versionPolicy;
  } catch {
    return undefined;
  }
}
