import { Code, ConnectError } from "@connectrpc/connect";
import { describeError } from "../../base/errors.ts";
import { CommandError } from "../command-error.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { causesOf, explainConnection } from "./connection-failure.ts";
import type { ServerAddress } from "./server-address.ts";

/** Turns what a call threw into what a person can act on. Other errors come back as they are. */
export function explainFailure(error: unknown, address: ServerAddress): unknown {
  if (error instanceof CommandError) return error;
  // A file of an option is read inside calls too.
  const inner = causesOf(error).find((cause) => cause instanceof CommandError);
  if (inner !== undefined) return inner;
  const lost = explainConnection(error, address);
  if (lost !== undefined) return lost;
  if (!(error instanceof ConnectError)) return error;
  const message = describeError(error.rawMessage);
  const { exitCode, advice } = callFailures[error.code] ?? {};
  const text = error.code === Code.DeadlineExceeded ? `${address.label}: ${message}` : message;
  return new CommandError(exitCode ?? exitCodes.failed, text, advice, { cause: error });
}

const callFailures: Partial<Record<Code, { exitCode?: ExitCode; advice?: string }>> = {
  [Code.NotFound]: {
    exitCode: exitCodes.notFound,
    advice: "`modelport models` lists what there is",
  },
  [Code.DeadlineExceeded]: {
    exitCode: exitCodes.unreachable,
    advice: "give it longer by --timeout, or look at `modelport status`",
  },
  [Code.Unavailable]: { exitCode: exitCodes.notReady, advice: "it may pass: try again" },
  [Code.ResourceExhausted]: {
    advice: "`modelport status` shows memory and queues; unload something, or try again later",
  },
  [Code.PermissionDenied]: {
    advice:
      "call from the runtime's own machine or container, or see LIFECYCLE_ACCESS in `modelport help serve`",
  },
  [Code.Unauthenticated]: {
    advice: "show who you are by --token-file, or --cert-file and --key-file",
  },
  [Code.Unimplemented]: {
    advice: "is this a Modelport, and as new as this command? `modelport version --server` tells",
  },
  [Code.FailedPrecondition]: {
    advice: "`modelport status` tells who loads models here, and whether there is a repository",
  },
};
