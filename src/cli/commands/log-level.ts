import { printable } from "../../base/errors.ts";
import type { RunCommand } from "../command.ts";
import { readClientOptions } from "../connect/client-options.ts";
import { callRoute } from "../connect/json-call.ts";
import { exitCodes } from "../exit-code.ts";
import { printJson } from "../show/print-json.ts";

const path = "/debug/log-level";

export const run: RunCommand = async (args, terminal) => {
  const [asked] = args.operands;
  const answer = await callRoute(
    readClientOptions(args),
    asked === undefined
      ? { method: "GET", path }
      : { method: "PUT", path, request: { level: asked } },
  );
  const level = String(answer["level"]);
  if (args.text("output") === "json") printJson(terminal, { level });
  else terminal.stdout.write(`${printable(level)}\n`);
  return exitCodes.ok;
};
