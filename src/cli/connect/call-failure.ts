import { Code, ConnectError } from "@connectrpc/connect";
import { describeError } from "../../base/errors.ts";
import { CommandError } from "../command-error.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { causesOf, explainConnection } from "./connection-failure.ts";
import type { ServerAddress } from "./server-address.ts";

/** Turns an error from a call into a message that a person can act on. Returns other errors unchanged. */
export function explainFailure(error: unknown, address: ServerAddress): unknown {
  if (error instanceof CommandError) return error;
  // Files named by options are read inside calls too.
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
    advice: "`modelport models` lists all models",
  },
  [Code.DeadlineExceeded]: {
    exitCode: exitCodes.unreachable,
    advice: "allow more time with --timeout, or look at `modelport status`",
  },
  [Code.Unavailable]: { exitCode: exitCodes.notReady, advice: "this may be temporary: try again" },
  [Code.ResourceExhausted]: {
    advice: "`modelport status` shows memory and queues; unload a model, or try again later",
  },
  [Code.PermissionDenied]: {
    advice:
      "run this on the runtime's own machine or in its container, or see LIFECYCLE_ACCESS in `modelport help serve`",
  },
  [Code.Unauthenticated]: {
    advice: "authenticate with --token-file, or with --cert-file and --key-file",
  },
  [Code.Unimplemented]: {
    advice:
      "check that this is a Modelport, and as new as this command: `modelport version --server`",
  },
  [Code.FailedPrecondition]: {
    advice: "`modelport status` shows who loads models here, and whether there is a repository",
  },
};
