import { parseArgs } from "node:util";
import type { ConfigFile, FileEntry } from "./file-entries.ts";
import type { Setting, SettingValue } from "./setting.ts";
import { type SettingName, settings } from "./settings.ts";
import { strayVariables, suggestion } from "./stray-variables.ts";

/** Where the value of a setting came from. */
export interface SettingSource {
  readonly kind: "flag" | "variable" | "file" | "default";
  /** As the operator wrote it: --port, ADAPTER_PORT, modelport.yaml:3; for a default, its variable. */
  readonly name: string;
}

export interface SourcedValue {
  readonly value: SettingValue;
  readonly source: SettingSource;
}

export interface SourcedSettings {
  /** Undefined if it was not set and has no default. */
  readonly values: Readonly<Record<SettingName, SourcedValue>>;
  readonly problems: readonly string[];
  /** Values that are probably mistakes, but may belong to another program. */
  readonly warnings: readonly string[];
}

/** Values by flag name. */
export type Flags = ReadonlyMap<string, string>;

const rows = Object.entries(settings) as [SettingName, Setting][];
const flagNames: readonly string[] = rows.map(([name]) => name);
const variables: ReadonlySet<string> = new Set(
  rows.flatMap(([, { env, aliases = [] }]) => [env, ...aliases]),
);

/** The flags in `argv`, which has neither the program nor the command. The last of two equal flags counts, unless it
 *  repeats. Adds unknown flags to `problems`. */
export function readFlags(argv: readonly string[], problems: string[]): Map<string, string> {
  const flags = new Map<string, string>();
  const options = Object.fromEntries(flagNames.map((name) => [name, { type: "string" as const }]));
  // In strict mode, parsing would stop at the first problem.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  // The index of a value whose flag is unknown.
  let valueAt = -1;
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (token.index !== valueAt)
        problems.push(`unexpected argument "${token.value}": expected flags such as --port`);
    } else if (token.kind === "option" && !Object.hasOwn(settings, token.name)) {
      problems.push(`unknown flag ${token.rawName}${suggestion(token.name, flagNames, "--")}`);
      if (token.value === undefined) valueAt = token.index + 1;
    } else if (token.kind === "option") {
      const { name, value, rawName, inlineValue } = token;
      const isNextFlag = !inlineValue && value !== undefined && /^--?[a-z]/i.test(value);
      if (value === undefined || isNextFlag) {
        problems.push(
          `${rawName} has no value; one that starts with a dash needs ${rawName}=VALUE`,
        );
        if (isNextFlag) valueAt = token.index + 2;
      } else {
        const before = (settings[name as SettingName] as Setting).repeats && flags.get(name);
        flags.set(name, before ? `${before}\n${value}` : value);
      }
    }
  }
  return flags;
}

/** The path of the settings file, if there is one. */
export function configFilePath(flags: Flags, env: NodeJS.ProcessEnv): string | undefined {
  return flags.get("config") || env[settings.config.env] || undefined;
}

/** The value of every setting. Precedence: flag, variable, file, default. */
export function sourceSettings(
  flags: Flags,
  env: NodeJS.ProcessEnv,
  file: ConfigFile | undefined,
): SourcedSettings {
  const problems: string[] = [...(file?.problems ?? [])];
  const inFile = fileEntries(file, problems);
  const values = {} as Record<SettingName, SourcedValue>;
  for (const [name, setting] of rows) {
    values[name] = sourceSetting({ name, setting, flags, env, entry: inFile.get(name), problems });
  }
  const stray = strayVariables(env, variables, flagNames);
  problems.push(...stray.problems);
  return { values, problems, warnings: stray.warnings };
}

function sourceSetting(parts: {
  readonly name: SettingName;
  readonly setting: Setting;
  readonly flags: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly entry: FileEntry | undefined;
  readonly problems: string[];
}): SourcedValue {
  const { name, setting, flags, env, entry, problems } = parts;
  const flag = flags.get(name);
  // Problems are reported even in overridden values.
  const fromFile = entry && checkFileValue(entry, setting, problems);
  const variable = variableOf(setting, env, problems);
  // An unusable value is in `problems`; the rest of the start reads the default.
  const orDefault = (value: SettingValue) => value ?? setting.default;
  if (flag !== undefined) {
    const where = `--${name}`;
    const value = orDefault(checkText(flag, setting, { where, problems }));
    return { value, source: { kind: "flag", name: where } };
  }
  if (variable !== undefined) {
    const text = env[variable] ?? "";
    const value = orDefault(checkText(text, setting, { where: variable, problems }));
    return { value, source: { kind: "variable", name: variable } };
  }
  if (entry !== undefined) {
    return { value: orDefault(fromFile), source: { kind: "file", name: entry.where } };
  }
  return { value: setting.default, source: { kind: "default", name: setting.env } };
}

/** The variable that sets this setting. An empty one counts as unset: manifests often have them. */
function variableOf(
  { env: own, aliases = [] }: Setting,
  env: NodeJS.ProcessEnv,
  problems: string[],
): string | undefined {
  const [first, ...others] = [own, ...aliases].filter((name) => env[name]);
  for (const other of others) {
    if (first === undefined || env[first] === env[other]) continue;
    problems.push(`${first} and ${other} are the same setting but differ: set only one of them`);
  }
  return first;
}

function fileEntries(
  file: ConfigFile | undefined,
  problems: string[],
): ReadonlyMap<string, FileEntry> {
  const entries = new Map<string, FileEntry>();
  for (const entry of file?.entries ?? []) {
    const { name, where } = entry;
    const before = entries.get(name);
    if (before !== undefined) {
      problems.push(`${where}: "${name}" was already set in ${before.where}`);
    } else if (name === "config") {
      problems.push(`${where}: a settings file cannot name another one`);
    } else if (!Object.hasOwn(settings, name)) {
      const row = rows.find(([, { env }]) => env === name);
      const meant = row === undefined ? suggestion(name, flagNames) : `: did you mean ${row[0]}?`;
      problems.push(`${where}: unknown setting "${name}"${meant}`);
    }
    if (before === undefined) entries.set(name, entry);
  }
  return entries;
}

function checkFileValue(
  { value, where, name }: FileEntry,
  setting: Setting,
  problems: string[],
): SettingValue {
  const { type, separator, choices } = setting;
  const at = `${where}: ${name}`;
  const isNumber = type === "integer" || type === "number";
  if (isNumber && typeof value === "number") {
    return checkNumber(value, setting, { where: at, shown: `${value}`, problems });
  }
  // YAML reads 1.3 as a number, even where a name is meant.
  if (typeof value === "number" && choices?.includes(`${value}`)) return `${value}`;
  if (!isNumber && typeof value === "string")
    return checkText(value, setting, { where: at, problems });
  const isList = Array.isArray(value) && value.every((entry) => typeof entry === "string");
  if (separator !== undefined && isList) return value.join(setting.repeats ? "\n" : separator);
  const text = separator === undefined ? "a string" : "a string, or a list of strings";
  const expected = choices === undefined ? text : `one of ${choices.join(", ")}`;
  const found = setting.isSecret ? "of another type" : JSON.stringify(value);
  problems.push(`${at} is ${found}, expected ${isNumber ? expectedNumber(setting) : expected}`);
  return undefined;
}

interface Check {
  readonly where: string;
  readonly problems: string[];
}

function checkText(text: string, setting: Setting, { where, problems }: Check): SettingValue {
  const { type, choices, isSecret } = setting;
  if (type === "text") return text;
  const shown = isSecret ? "not fit" : `"${text}"`;
  if (type === "choice") {
    if (choices?.includes(text)) return text;
    problems.push(`${where} is ${shown}, expected one of ${choices?.join(", ")}`);
    return undefined;
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return checkNumber(value, setting, { where, shown, problems });
}

function checkNumber(
  value: number,
  setting: Setting,
  { where, shown, problems }: Check & { readonly shown: string },
): SettingValue {
  const { type, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = setting;
  const isSound = type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (isSound && value >= min && value <= max) return value;
  problems.push(`${where} is ${shown}, expected ${expectedNumber(setting)} (${setting.doc})`);
  return undefined;
}

function expectedNumber({ type, unit, min, max }: Setting): string {
  const kind = type === "integer" ? "an integer" : "a number";
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  return `${kind} ${range}${unit === undefined ? "" : `, in ${unit}`}`;
}
