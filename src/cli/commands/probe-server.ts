import { setTimeout as sleep } from "node:timers/promises";
import type { RunCommand } from "../command.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ClientOptions, readClientOptions } from "../connect/client-options.ts";
import { callJson } from "../connect/json-call.ts";
import { exitCodes } from "../exit-code.ts";
import { readSeconds } from "../parse-arguments.ts";
import { printJson } from "../show/print-json.ts";

const retryMs = 100;

export const run: RunCommand = async (args, terminal) => {
  const [what = "ready", model = ""] = args.operands;
  if ((what === "model") !== (model !== "")) {
    throw usageError("expected `probe live`, `probe ready` or `probe model MODEL`");
  }
  const ask = questions[what as keyof typeof questions];
  await askUntilYes(() => ask(readClientOptions(args), model), readSeconds(args, "wait") ?? 0);
  if (args.text("output") === "json") printJson(terminal, { probe: what, ok: true });
  else terminal.stdout.write("ok\n");
  return exitCodes.ok;
};

/** Retries while there is time, then throws the last failure. */
async function askUntilYes(ask: () => Promise<void>, waitMs: number): Promise<void> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayPass = error instanceof CommandError && error.exitCode !== exitCodes.usage;
      if (!mayPass || performance.now() + retryMs > untilMs) throw error;
      await sleep(retryMs);
    }
  }
}

/** Each throws CommandError unless the check succeeds. */
const questions = {
  /** Whether the process responds. The kubelet restarts a container that does not. */
  async live(options: ClientOptions): Promise<void> {
    const { live } = await callJson(options, "inference.GRPCInferenceService/ServerLive", {});
    if (live !== true) throw no(options, "not alive");
  },

  /** Whether calls are served: false before the first engine host is up and during shutdown. */
  async ready(options: ClientOptions): Promise<void> {
    const { status } = await callJson(options, "grpc.health.v1.Health/Check", {});
    if (status !== "SERVING") throw no(options, "not serving");
  },

  async model(options: ClientOptions, name: string): Promise<void> {
    const rpc = "inference.GRPCInferenceService/ModelReady";
    const { ready } = await callJson(options, rpc, { name });
    if (ready !== true) throw no(options, `model "${name}" is not ready`);
  },
};

function no({ address }: ClientOptions, problem: string): CommandError {
  return new CommandError(exitCodes.notReady, `${address.label}: ${problem}`);
}
