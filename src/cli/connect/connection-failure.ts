import { describeError } from "../../base/errors.ts";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-code.ts";
import type { ServerAddress } from "./server-address.ts";

interface SystemError extends Error {
  readonly code: string;
}

/** What a person can do about it, if it is the connection that `reason` tells of. */
export function explainConnection(
  reason: unknown,
  address: ServerAddress,
): CommandError | undefined {
  const error = causesOf(reason).find(isSystemError);
  if (error === undefined) return undefined;
  const { label, socketPath, isTls } = address;
  const known = connectionFailures[error.code];
  const fail = (message: string, advice: string) =>
    new CommandError(exitCodes.unreachable, message, advice, { cause: error });
  if (known !== undefined) return fail(`${label}: ${known.message}`, known.advice);
  if (/^(ERR_SSL|ERR_TLS|.*CERT|UNABLE_TO|EPROTO)/.test(error.code)) {
    const advice = /WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(error.code)
      ? "it may not speak TLS: use http://"
      : "name the authority by --ca-file, and the runtime by the host of its certificate";
    return fail(`${label}: ${describeTlsError(error)} (${error.code})`, advice);
  }
  const advice =
    socketPath === undefined && !isTls && /^(ERR_HTTP2|ECONNRESET|EPIPE)/.test(error.code)
      ? "is it a Modelport? With TLS, use https://"
      : "";
  return fail(`${label}: ${describeError(error)}`, advice);
}

/** Of OpenSSL's chain of numbers, libraries and places, the words, and none of Node's own advice. */
function describeTlsError(error: SystemError): string {
  const [, words] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? [];
  return words ?? describeError(error).replace(/; if the root CA .*/, "");
}

const start = "start one by `modelport serve`, or name another by --address or MODELPORT_ADDRESS";

const connectionFailures: Record<string, { readonly message: string; readonly advice: string }> = {
  ECONNREFUSED: { message: "nobody listens there", advice: start },
  ENOENT: { message: "there is no such socket", advice: start },
  ENOTSOCK: { message: "that file is no socket", advice: start },
  EACCES: { message: "you may not use this socket", advice: "run as the user of the runtime" },
  ENOTFOUND: { message: "no such host", advice: "check --address" },
  EAI_AGAIN: { message: "the name of the host cannot be looked up now", advice: "check DNS" },
  ETIMEDOUT: { message: "no answer", advice: "check --address, and firewalls on the way" },
  EHOSTUNREACH: { message: "no way there", advice: "check --address, and the network" },
};

/** An error and what caused it, outermost first. */
export function causesOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let link = error; link instanceof Error && !chain.includes(link); link = link.cause) {
    chain.push(link);
    // Tried addresses of one host fail together.
    if (link instanceof AggregateError)
      chain.push(...link.errors.filter((one) => one instanceof Error));
  }
  return chain;
}

function isSystemError(error: Error): error is SystemError {
  return "code" in error && typeof error.code === "string";
}
