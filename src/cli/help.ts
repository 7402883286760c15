import { version } from "../base/version.ts";
import { describeDefault, describeRange, type Setting } from "../config/setting.ts";
import { settingGroups } from "../config/settings.ts";
import type { CommandSpec, OperandSpec, OptionSpec } from "./command.ts";
import { commandTable } from "./command-table.ts";
import { exitCodes } from "./exit-code.ts";
import { type ServerCommand, serverCommands } from "./server-commands.ts";
import { formatTable } from "./show/terminal-text.ts";

const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "done",
  failed: "the runtime refused the call, or the call failed",
  usage: "the command line, or a file that it names, is invalid",
  unreachable: "no response in time",
  notFound: "no such model",
  notReady: "the runtime or the model is known, but not ready",
};

/** The program's help. */
export function programHelp(): string {
  return [
    `modelport ${version}: a model runtime for ModelMesh, curl and browsers`,
    "",
    "modelport serve [--FLAG VALUE...]",
    "modelport COMMAND [ARGUMENT...] [--OPTION VALUE...]",
    "",
    formatTable([
      ["  serve", "serve models until SIGTERM or SIGINT"],
      ...Object.entries(serverCommands).map(([name, { summary }]) => [`  ${name}`, summary]),
      ...Object.entries(commandTable).map(([name, { summary }]) => [`  ${name}`, summary]),
      ["  completion", "print the completion script for bash, zsh or fish"],
      ["  help", "show the help for a command"],
    ]),
    "Commands call the runtime of this environment (ADAPTER_PORT, or localhost:8085), or the one that",
    "--address or MODELPORT_ADDRESS names: HOST:PORT, https://HOST:PORT or unix:PATH.",
    "",
    "Exit codes:",
    formatTable(
      Object.entries(exitCodes).map(([name, code]) => [
        `  ${code}`,
        exitMeanings[name as keyof typeof exitCodes],
      ]),
    ),
  ].join("\n");
}

export function serveHelp(): string {
  const groups = settingGroups.map(({ title, rows }) => {
    const lines = Object.entries(rows).map(([name, setting]) => describeFlag(name, setting));
    return `${title}:\n${lines.join("")}`;
  });
  return [
    "modelport serve [--FLAG VALUE...]",
    "",
    "Serves models until SIGTERM or SIGINT. Exits with 1 if it cannot start. A flag takes precedence over its",
    "environment variable, and the variable over the file that --config names. `modelport config` shows the",
    "result.",
    "",
    groups.join("\n"),
  ].join("\n");
}

function describeFlag(name: string, setting: Setting): string {
  const range = describeRange(setting);
  const preset = describeDefault(setting);
  const facts = [...(range === "" ? [] : [range]), ...(preset === "" ? [] : [`default ${preset}`])];
  const names = [setting.env, ...(setting.aliases ?? [])].join(", ");
  return [
    `  --${name.padEnd(28)} ${names}\n`,
    `      ${setting.doc}${facts.length === 0 ? "" : ` (${facts.join("; ")})`}\n`,
  ].join("");
}

/** For a command that takes the flags of `serve`. */
export function serverCommandHelp(name: string, { summary, ...spec }: ServerCommand): string {
  const text = commandHelp(name, { ...spec, summary, operands: [] });
  return `${text}\nIt also takes the flags of serve: see modelport serve --help.\n`;
}

export function commandHelp(name: string, spec: CommandSpec): string {
  const options = Object.entries(spec.options).map(([option, row]) => [
    `  ${showOption(option, row)}`,
    describeOption(row),
  ]);
  return [
    ["modelport", name, ...spec.operands.map(showOperand), "[--OPTION VALUE...]"].join(" "),
    "",
    `${spec.summary[0]?.toUpperCase()}${spec.summary.slice(1)}.`,
    "",
    formatTable(options),
    "Examples:",
    ...spec.examples.map((example) => `  modelport ${example}`),
    "",
  ].join("\n");
}

function showOperand({ name, choices, isOptional, isRepeated }: OperandSpec): string {
  const shown = `${choices?.join("|") ?? name}${isRepeated ? "..." : ""}`;
  return isOptional ? `[${shown}]` : shown;
}

function showOption(name: string, { short, value }: OptionSpec): string {
  const both = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return value === undefined ? both : `${both} ${value}`;
}

function describeOption({ doc, choices, default: preset, env }: OptionSpec): string {
  const more = [
    ...(choices === undefined ? [] : [choices.join(", ")]),
    ...(preset === undefined ? [] : [`default ${preset}`]),
    ...(env === undefined ? [] : [env]),
  ];
  return more.length === 0 ? doc : `${doc} (${more.join("; ")})`;
}
