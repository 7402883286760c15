import { describeError } from "../../base/errors.ts";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-code.ts";
import type { ServerAddress } from "./server-address.ts";

interface SystemError extends Error {
  readonly code: string;
}

/** What the user can do about it, if `reason` is a connection failure. */
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
      ? "the server probably does not use TLS: try http://"
      : "name the certificate authority with --ca-file, and call the runtime by a name in its certificate";
    return fail(`${label}: ${describeTlsError(error)} (${error.code})`, advice);
  }
  const advice =
    socketPath === undefined && !isTls && /^(ERR_HTTP2|ECONNRESET|EPIPE)/.test(error.code)
      ? "check that this is a Modelport; if it uses TLS, use https://"
      : "";
  return fail(`${label}: ${describeError(error)}`, advice);
}

/** Keeps the words of OpenSSL's chain of numbers, libraries and source locations, and drops Node's own advice. */
function describeTlsError(error: SystemError): string {
  const [, words] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? [];
  return words ?? describeError(error).replace(/; if the root CA .*/, "");
}

const start =
  "start one with `modelport serve`, or name another with --address or MODELPORT_ADDRESS";

const connectionFailures: Record<string, { readonly message: string; readonly advice: string }> = {
  ECONNREFUSED: { message: "nothing listens there", advice: start },
  ENOENT: { message: "the socket does not exist", advice: start },
  ENOTSOCK: { message: "that file is not a socket", advice: start },
  EACCES: { message: "this user may not use the socket", advice: "run as the runtime's user" },
  ENOTFOUND: { message: "unknown address", advice: "check --address" },
  EAI_AGAIN: { message: "the DNS lookup failed for now", advice: "check DNS" },
  ETIMEDOUT: { message: "no response", advice: "check --address, and firewalls on the way" },
  EHOSTUNREACH: { message: "no route to this address", advice: "check --address, and the network" },
};

/** An error and its causes, outermost first. */
export function causesOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let link = error; link instanceof Error && !chain.includes(link); link = link.cause) {
    chain.push(link);
    // All the addresses of one name failed together.
    if (link instanceof AggregateError)
      chain.push(...link.errors.filter((one) => one instanceof Error));
  }
  return chain;
}

function isSystemError(error: Error): error is SystemError {
  return "code" in error && typeof error.code === "string";
}
