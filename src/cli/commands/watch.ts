import { setTimeout as sleep } from "node:timers/promises";
import { toJson } from "@bufbuild/protobuf";
import {
  RuntimeWatchService,
  type WatchResponse,
  WatchResponseSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { CommandArguments, RunCommand, Terminal } from "../command.ts";
import { CommandError } from "../command-error.ts";
import { type ServerConnection, withServer } from "../connect/server-connection.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { WatchLog } from "../watch-log.ts";

/** The runtime sends a message at least every two seconds. After this long without one it counts as
 *  unreachable. */
const silenceLimitMs = 6_000;
const retryMs = 1_000;

export const run: RunCommand = async (args, terminal) => {
  for (;;) {
    try {
      return await withServer(args, (server) => watch(server, args, terminal));
    } catch (error) {
      if (!args.has("retry") || !isPassing(error) || terminal.signal.aborted) throw error;
      terminal.stderr.write(`${error.message}; trying again\n`);
      await sleep(retryMs);
    }
  }
};

/** Runs until the stream ends, which is an error, or until the reader of the output is gone. */
async function watch(
  server: ServerConnection,
  args: CommandArguments,
  terminal: Terminal,
): Promise<ExitCode> {
  const print = args.text("output") === "json" ? jsonLines(terminal) : logLines(args, terminal);
  const ended = new AbortController();
  const silence = setTimeout(() => ended.abort(), silenceLimitMs);
  const signal = AbortSignal.any([ended.signal, terminal.signal]);
  try {
    const messages = server.client(RuntimeWatchService).watch({}, { signal, timeoutMs: 0 });
    for await (const message of messages) {
      silence.refresh();
      print(message);
    }
  } catch (error) {
    if (terminal.signal.aborted) return exitCodes.ok;
    if (!ended.signal.aborted) throw error;
  } finally {
    clearTimeout(silence);
  }
  const { label } = server.address;
  throw new CommandError(
    exitCodes.unreachable,
    `${label}: no message from the runtime for ${silenceLimitMs / 1000} s`,
  );
}

function jsonLines({ stdout }: Terminal): (message: WatchResponse) => void {
  return (message) => {
    const json = toJson(WatchResponseSchema, message, { alwaysEmitImplicit: true });
    stdout.write(`${JSON.stringify(json)}\n`);
  };
}

function logLines(args: CommandArguments, { stdout }: Terminal): (message: WatchResponse) => void {
  const log = new WatchLog(args.operands[0]);
  return (message) => {
    for (const line of log.take(message)) stdout.write(`${line}\n`);
  };
}

function isPassing(error: unknown): error is CommandError {
  const passing: readonly ExitCode[] = [exitCodes.unreachable, exitCodes.notReady];
  return error instanceof CommandError && passing.includes(error.exitCode);
}
