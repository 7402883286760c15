import { readFileSync } from "node:fs";
import type { CommandArguments, OptionSpec } from "../command.ts";
import { usageError } from "../command-error.ts";
import { readSeconds } from "../parse-arguments.ts";
import { environmentAddress, readServerAddress, type ServerAddress } from "./server-address.ts";

/** The options of every command that calls a runtime. */
export const clientOptions = {
  address: {
    value: "ADDRESS",
    short: "a",
    env: "MODELPORT_ADDRESS",
    doc: "HOST:PORT, http(s)://HOST:PORT or unix:PATH; default: where serve would listen in this environment",
  },
  timeout: {
    value: "SECONDS",
    short: "t",
    doc: "how long the runtime may take to respond",
  },
  "ca-file": {
    value: "FILE",
    isFile: true,
    env: "MODELPORT_CA_FILE",
    doc: "certificate authorities (PEM) trusted for the runtime; default: Node's own",
  },
  "cert-file": {
    value: "FILE",
    isFile: true,
    env: "MODELPORT_CERT_FILE",
    doc: "client certificate (PEM)",
  },
  "key-file": {
    value: "FILE",
    isFile: true,
    env: "MODELPORT_KEY_FILE",
    doc: "private key (PEM) of the client certificate",
  },
  "token-file": {
    value: "FILE",
    isFile: true,
    env: "MODELPORT_TOKEN_FILE",
    doc: "file with the bearer token to send",
  },
} as const satisfies Record<string, OptionSpec>;

export const outputOption = {
  value: "FORMAT",
  short: "o",
  choices: ["text", "json"],
  default: "text",
  doc: "output format: text for people, json for programs",
} as const satisfies OptionSpec;

export interface ClientOptions {
  readonly address: ServerAddress;
  readonly timeoutMs: number | undefined;
  readonly caFile: string | undefined;
  /** PEM: the runtime's own certificate, known from the environment that this command shares with it. */
  readonly pinnedFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly tokenFile: string | undefined;
}

/** Throws CommandError. */
export function readClientOptions(args: CommandArguments): ClientOptions {
  const told = args.text("address");
  const address = readServerAddress(told ?? environmentAddress(args.variable));
  const caFile = args.text("ca-file");
  const isOwn = told === undefined && caFile === undefined && address.isTls;
  const options = {
    address,
    timeoutMs: readSeconds(args, "timeout"),
    caFile,
    pinnedFile: isOwn ? args.variable("TLS_CERT_PATH") : undefined,
    certFile: args.text("cert-file"),
    keyFile: args.text("key-file"),
    tokenFile: args.text("token-file"),
  };
  if ((options.certFile === undefined) !== (options.keyFile === undefined)) {
    throw usageError("--cert-file and --key-file need each other: give both or neither");
  }
  if (options.tokenFile !== undefined && !address.isTls && !isOnThisMachine(address)) {
    throw usageError(
      `the token would be sent unencrypted to ${address.label}`,
      "use https://HOST:PORT, or omit --token-file",
    );
  }
  return options;
}

function isOnThisMachine({ url, socketPath }: ServerAddress): boolean {
  const { hostname } = new URL(url);
  return socketPath !== undefined || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** The text of a file named by an option. Throws CommandError. */
export function readOptionFile(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw usageError(`--${option}: ${(error as Error).message}`);
  }
}
