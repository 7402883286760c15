import { resolve } from "node:path";
import type { SettingRows } from "./setting.ts";

/** Who may make a kind of call. "authenticated": clients with a token or a certificate, and clients of the unix
 *  socket, which its file permissions protect. "local": also clients on this machine. */
export type AccessRule = "any" | "local" | "authenticated";

/** The kinds of calls: those that load and unload models or inspect the process; those that run models or
 *  describe them; those that check the server's health; and the metrics. */
export type Right = "lifecycle" | "inference" | "health" | "metrics";

export interface AccessSettings {
  readonly rules: Readonly<Record<Right, AccessRule>>;
  /** Absolute paths of token files: for every kind of call, and for all kinds but lifecycle. */
  readonly lifecycleTokensPath: string | undefined;
  readonly inferenceTokensPath: string | undefined;
  /** Whether a token counts that was sent unencrypted. Clients on this machine may always send one so. */
  readonly tokenTransport: "tls" | "any";
  /** Names in certificates of clients that may load and unload: "CN:…", "DNS:…" or "URI:…". */
  readonly lifecycleClients: readonly string[];
}

export const defaultAccess: AccessSettings = Object.freeze({
  rules: Object.freeze({ lifecycle: "local", inference: "any", health: "any", metrics: "local" }),
  lifecycleTokensPath: undefined,
  inferenceTokensPath: undefined,
  tokenTransport: "tls",
  lifecycleClients: [],
});

const rules = ["local", "authenticated", "any"] as const;

/** The access rows of src/config/settings.ts. */
export const accessSettings = {
  "lifecycle-access": {
    env: "LIFECYCLE_ACCESS",
    type: "choice",
    choices: rules,
    default: defaultAccess.rules.lifecycle,
    doc: "who may load and unload. local: loopback and unix socket clients, and those with a token or a listed certificate; authenticated: only the latter and the unix socket; any: every client",
  },
  "inference-access": {
    env: "INFERENCE_ACCESS",
    type: "choice",
    choices: rules,
    default: defaultAccess.rules.inference,
    doc: "who may run models, read their metadata and watch; values as for LIFECYCLE_ACCESS; any certificate from TLS_CLIENT_CA_PATH is accepted",
  },
  "health-access": {
    env: "HEALTH_ACCESS",
    type: "choice",
    choices: rules,
    default: defaultAccess.rules.health,
    doc: "who may ask whether the server is live and ready; values as for LIFECYCLE_ACCESS",
  },
  "lifecycle-tokens": {
    env: "LIFECYCLE_TOKENS_PATH",
    type: "text",
    default: "",
    doc: "file with bearer tokens, one per line, that allow every call",
  },
  "inference-tokens": {
    env: "INFERENCE_TOKENS_PATH",
    type: "text",
    default: "",
    doc: "file with bearer tokens, one per line, that allow every call except lifecycle calls",
  },
  "token-transport": {
    env: "TOKEN_TRANSPORT",
    type: "choice",
    choices: ["tls", "any"],
    default: defaultAccess.tokenTransport,
    doc: "whether tokens from other machines require TLS: tls, or any where a proxy terminates TLS",
  },
  "lifecycle-clients": {
    env: "LIFECYCLE_CLIENTS",
    type: "text",
    separator: ",",
    default: "",
    doc: "client certificate names that may load and unload, separated by commas: CN:…, DNS:… or URI:…",
  },
} as const satisfies SettingRows;

type RawName = keyof typeof accessSettings | "metrics-access";
type Raw = Readonly<Record<RawName, string | number | undefined>>;

/** Adds a line to `problems` for each value that cannot be used. */
export function readAccessSettings(raw: Raw, problems: string[]): AccessSettings {
  const path = (name: keyof Raw) => (raw[name] ? resolve(String(raw[name])) : undefined);
  const lifecycleClients = String(raw["lifecycle-clients"])
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  for (const entry of lifecycleClients) {
    if (/^(CN|DNS|URI):\S/.test(entry)) continue;
    problems.push(
      `LIFECYCLE_CLIENTS has "${entry}": expected names like CN:ops, DNS:ops.example.com or URI:spiffe://example.com/ops`,
    );
  }
  return {
    rules: {
      lifecycle: raw["lifecycle-access"] as AccessRule,
      inference: raw["inference-access"] as AccessRule,
      health: raw["health-access"] as AccessRule,
      metrics: raw["metrics-access"] === "none" ? "local" : (raw["metrics-access"] as AccessRule),
    },
    lifecycleTokensPath: path("lifecycle-tokens"),
    inferenceTokensPath: path("inference-tokens"),
    tokenTransport: raw["token-transport"] === "any" ? "any" : "tls",
    lifecycleClients,
  };
}
