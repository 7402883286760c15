import { formatMs } from "../../clients/figures.ts";
import { stateName } from "../../clients/state-names.ts";
import type { RunCommand } from "../command.ts";
import { CommandError } from "../command-error.ts";
import { withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { describeModel } from "../show/model-details.ts";
import { memoryOf, versionOf } from "../show/model-label.ts";
import { listModels, type ModelList, selectModel, toListJson } from "../show/model-list.ts";
import { printJson } from "../show/print-json.ts";
import { formatRate, formatTable } from "../show/terminal-text.ts";

export const run: RunCommand = (args, terminal) =>
  withServer(args, async (server) => {
    const [wanted] = args.operands;
    const all = await listModels(server);
    const list = wanted === undefined ? all : selectModel(all, wanted);
    if (wanted !== undefined && list.loaded.length + list.unloaded.length === 0) {
      throw new CommandError(
        exitCodes.notFound,
        `no model "${wanted}" is loaded or in the repository`,
        "`modelport models` lists all models",
      );
    }
    const output = args.text("output");
    if (output === "json") printJson(terminal, toListJson(list));
    else if (output === "names") terminal.stdout.write(toNames(list));
    else if (wanted === undefined) terminal.stdout.write(toTable(list));
    else terminal.stdout.write(await describeModel(server, list));
    return exitCodes.ok;
  });

function toNames({ loaded, unloaded }: ModelList): string {
  const names = new Set([...loaded.map(({ id }) => id), ...unloaded.map(({ name }) => name)]);
  return [...names].map((name) => `${name}\n`).join("");
}

function toTable({ loaded, unloaded }: ModelList): string {
  if (loaded.length + unloaded.length === 0) {
    return "no models: `modelport load MODEL --path PATH` loads one\n";
  }
  return formatTable(
    [
      ["MODEL", "VERSION", "STATE", "MEMORY", "LOADED IN", "REQUESTS", "P99", "REASON"],
      ...loaded.map((model) => [
        model.id,
        versionOf(model),
        stateName(model.state),
        memoryOf(model),
        model.loadMs === 0 ? "" : formatMs(model.loadMs),
        formatRate(model.traffic?.requestsPerSecond ?? 0),
        model.traffic?.p99Ms === undefined ? "" : formatMs(model.traffic.p99Ms),
        model.reason,
      ]),
      ...unloaded.map(({ name, version, reason }) => [
        ...[name, version, "not loaded", "", "", "", ""],
        reason,
      ]),
    ],
    new Set([3, 4, 5, 6]),
  );
}
