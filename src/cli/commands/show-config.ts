import { printable } from "../../base/errors.ts";
import { loadConfig } from "../../config/config.ts";
import { describeDivision } from "../../config/memory-division.ts";
import { describeValue, type Setting } from "../../config/setting.ts";
import type { SourcedSettings, SourcedValue } from "../../config/setting-sources.ts";
import { type SettingName, settingGroups } from "../../config/settings.ts";
import { hiddenValue, showSettings } from "../../config/shown-settings.ts";
import type { ServerCommandInput } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { printJson } from "../show/print-json.ts";
import { formatTable } from "../show/terminal-text.ts";

/** Prints the settings that `serve` would use, or on stderr every problem that keeps it from starting. */
export async function run({ args, flags, env, terminal }: ServerCommandInput) {
  const { config, values, problems, warnings } = await loadConfig(flags, env);
  const lines = [...problems, ...warnings.map((warning) => `warning: ${warning}`)];
  for (const line of lines) terminal.stderr.write(`modelport: ${printable(line)}\n`);
  if (config === undefined) return exitCodes.failed;
  const output = args.text("output");
  const { memory } = config;
  if (output === "json") printJson(terminal, { settings: showSettings(values), memory, warnings });
  else if (output === "yaml") terminal.stdout.write(asYaml(values));
  else terminal.stdout.write(`${asTable(values)}\nMemory of ${describeDivision(memory)}.\n`);
  return exitCodes.ok;
}

interface Row extends SourcedValue {
  readonly name: string;
  readonly setting: Setting;
}

function rowsOf(values: SourcedSettings["values"], rows: Readonly<Record<string, Setting>>): Row[] {
  return Object.entries(rows).map(([name, setting]) => {
    const { value, source } = values[name as SettingName];
    const isHidden = setting.isSecret && value !== "" && value !== undefined;
    return { name, setting, value: isHidden ? hiddenValue : value, source };
  });
}

function asTable(values: SourcedSettings["values"]): string {
  const table = settingGroups.flatMap(({ rows }) =>
    rowsOf(values, rows).map((row) => [
      row.name,
      showValue(row),
      row.source.kind === "default" ? "default" : row.source.name,
    ]),
  );
  return formatTable([["SETTING", "VALUE", "FROM"], ...table]);
}

function showValue({ value, setting, source }: Row): string {
  const isDefault = source.kind === "default";
  if (value === undefined || value === "") {
    return isDefault && setting.defaultText !== undefined ? `(${setting.defaultText})` : "";
  }
  const words = describeValue(value, setting.unit);
  return words.startsWith(`${value}`) ? words : `${value} (${words})`;
}

/** A file that reproduces these settings in an empty environment; defaults are commented out. */
function asYaml(values: SourcedSettings["values"]): string {
  const groups = settingGroups.map(({ title, rows }) => {
    const lines = rowsOf(values, rows).map(({ name, value = "", source }) => {
      const shown = typeof value === "string" ? JSON.stringify(value) : value;
      const isSaid = source.kind !== "default" && name !== "config" && value !== hiddenValue;
      return `${isSaid ? "" : "# "}${name}: ${shown}${isSaid ? `  # ${source.name}` : ""}`;
    });
    return `# ${title}\n${lines.join("\n")}\n`;
  });
  return groups.join("\n");
}
