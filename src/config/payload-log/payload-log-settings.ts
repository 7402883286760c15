import { resolve } from "node:path";
import type { SettingRows } from "../setting.ts";
import { type RedactionRule, readRedactionRules } from "./redaction-rules.ts";

const MiB = 1024 * 1024;

/** Where events go. Paths are absolute. */
export type PayloadSink =
  | {
      readonly kind: "http";
      readonly url: string;
      /** Undefined where the system's own is used, or none. */
      readonly caPath: string | undefined;
      readonly certPath: string | undefined;
      readonly keyPath: string | undefined;
      readonly tokenPath: string | undefined;
      /** Events in one request; 1: each in a request of its own. */
      readonly batchEvents: number;
      readonly batchDelayMs: number;
      readonly timeoutMs: number;
      readonly retries: number;
    }
  | {
      readonly kind: "files";
      readonly folder: string;
      readonly fileBytes: number;
      readonly folderBytes: number;
      readonly retries: number;
    };

/** Attributes of every event; "" is left out. */
export interface PayloadOrigin {
  readonly source: string;
  /** "": the model's id. */
  readonly inferenceService: string;
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
}

/** Which calls' payloads are logged, how much of them, and where. Plain data: the log's thread gets it too. */
export interface PayloadLogSettings {
  readonly sink: PayloadSink;
  readonly mode: "all" | "request" | "response";
  /** The share of calls, from 0 to 1. */
  readonly sampledShare: number;
  /** Undefined: another in each run. */
  readonly seed: number | undefined;
  readonly rules: readonly RedactionRule[];
  /** Request headers for the attribute `metadata`, in lower case. */
  readonly headers: readonly string[];
  /** Of one payload. */
  readonly maxBytes: number;
  readonly queueBytes: number;
  readonly queueEvents: number;
  readonly origin: PayloadOrigin;
}

/** The payload log rows of src/config/settings.ts. */
export const payloadLogSettings = {
  "payload-log-url": {
    env: "PAYLOAD_LOG_URL",
    type: "text",
    default: "",
    doc: "http or https URL that requests and responses are posted to as CloudEvents; enables the payload log",
  },
  "payload-log-folder": {
    env: "PAYLOAD_LOG_FOLDER",
    type: "text",
    default: "",
    doc: "folder for files with one CloudEvent per line, instead of a URL; enables the payload log",
  },
  "payload-log-mode": {
    env: "PAYLOAD_LOG_MODE",
    type: "choice",
    choices: ["all", "request", "response"],
    default: "all",
    doc: "what is logged of a call: both payloads, or one of them",
  },
  "payload-log-sample": {
    env: "PAYLOAD_LOG_SAMPLE",
    type: "number",
    default: 1,
    min: 0,
    max: 1,
    doc: "share of calls whose payloads are logged",
  },
  "payload-log-seed": {
    env: "PAYLOAD_LOG_SEED",
    type: "integer",
    default: undefined,
    defaultText: "another in each run",
    min: 0,
    max: 2 ** 32 - 1,
    doc: "seed of the choice of calls: the same seed picks the same calls of a sequence",
  },
  "payload-log-redact": {
    env: "PAYLOAD_LOG_REDACT",
    type: "text",
    separator: ",",
    default: "",
    doc: "values that are hidden, separated by commas: input:NAME, output:NAME, parameter:NAME, header:NAME or path:JSONPATH",
  },
  "payload-log-headers": {
    env: "PAYLOAD_LOG_HEADERS",
    type: "text",
    separator: ",",
    default: "",
    doc: "request headers that events carry in their attribute metadata, separated by commas",
  },
  "payload-log-max-bytes": {
    env: "PAYLOAD_LOG_MAX_BYTES",
    type: "integer",
    unit: "bytes",
    default: MiB,
    min: 1024,
    max: 64 * MiB,
    doc: "of one payload, what is logged at most; longer ones are cut and marked as truncated",
  },
  "payload-log-queue-bytes": {
    env: "PAYLOAD_LOG_QUEUE_BYTES",
    type: "integer",
    unit: "bytes",
    default: 16 * MiB,
    min: MiB,
    max: 4096 * MiB,
    doc: "payloads that may wait to be sent; further ones are dropped; part of the server's memory",
  },
  "payload-log-queue-events": {
    env: "PAYLOAD_LOG_QUEUE_EVENTS",
    type: "integer",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    doc: "events that may wait to be sent; further ones are dropped",
  },
  "payload-log-batch-events": {
    env: "PAYLOAD_LOG_BATCH_EVENTS",
    type: "integer",
    default: 1,
    min: 1,
    max: 10_000,
    doc: "events in one request to the URL; 1 is CloudEvents' binary mode, as KServe sends; more are sent as a JSON batch",
  },
  "payload-log-batch-delay": {
    env: "PAYLOAD_LOG_BATCH_DELAY_MS",
    type: "integer",
    unit: "ms",
    default: 1_000,
    min: 0,
    max: 600_000,
    doc: "how long a batch waits for further events",
  },
  "payload-log-timeout": {
    env: "PAYLOAD_LOG_TIMEOUT_MS",
    type: "integer",
    unit: "ms",
    default: 10_000,
    min: 1,
    max: 600_000,
    doc: "time limit for one request to the URL",
  },
  "payload-log-retries": {
    env: "PAYLOAD_LOG_RETRIES",
    type: "integer",
    default: 5,
    min: 0,
    max: 1_000,
    doc: "further tries for an event that could not be delivered, before it is dropped",
  },
  "payload-log-ca": {
    env: "PAYLOAD_LOG_CA_PATH",
    type: "text",
    default: "",
    doc: "PEM file with the certificate authorities of the URL's server, in place of the system's",
  },
  "payload-log-cert": {
    env: "PAYLOAD_LOG_CERT_PATH",
    type: "text",
    default: "",
    doc: "PEM file with a client certificate for the URL",
  },
  "payload-log-key": {
    env: "PAYLOAD_LOG_KEY_PATH",
    type: "text",
    default: "",
    doc: "PEM file with the private key of that certificate, unencrypted",
  },
  "payload-log-token": {
    env: "PAYLOAD_LOG_TOKEN_PATH",
    type: "text",
    default: "",
    doc: "file with a bearer token for the URL; read again when it changes",
  },
  "payload-log-file-bytes": {
    env: "PAYLOAD_LOG_FILE_BYTES",
    type: "integer",
    unit: "bytes",
    default: 64 * MiB,
    min: 64 * 1024,
    max: 2 ** 40,
    doc: "size at which the next file is begun",
  },
  "payload-log-folder-bytes": {
    env: "PAYLOAD_LOG_FOLDER_BYTES",
    type: "integer",
    unit: "bytes",
    default: 1024 * MiB,
    min: MiB,
    max: 2 ** 50,
    doc: "what all files of the folder may take; the oldest are deleted",
  },
  "payload-log-source": {
    env: "PAYLOAD_LOG_SOURCE",
    type: "text",
    default: "urn:modelport",
    doc: "attribute source of all events: a URI of this server",
  },
  "payload-log-service": {
    env: "PAYLOAD_LOG_SERVICE",
    type: "text",
    default: "",
    defaultText: "the model's id",
    doc: "attribute inferenceservicename of all events",
  },
  "payload-log-namespace": {
    env: "PAYLOAD_LOG_NAMESPACE",
    type: "text",
    default: "",
    doc: "attribute namespace of all events",
  },
  "payload-log-component": {
    env: "PAYLOAD_LOG_COMPONENT",
    type: "text",
    default: "predictor",
    doc: "attribute component of all events",
  },
  "payload-log-endpoint": {
    env: "PAYLOAD_LOG_ENDPOINT",
    type: "text",
    default: "default",
    doc: "attribute endpoint of all events",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof payloadLogSettings, string | number | undefined>>;

/** Undefined: the payload log is off. Adds a line to `problems` for each value that cannot be used. */
export function readPayloadLog(raw: Raw, problems: string[]): PayloadLogSettings | undefined {
  const sink = readSink(raw, problems);
  const rules = readRedactionRules(String(raw["payload-log-redact"]), problems);
  if (sink === undefined) return undefined;
  const maxBytes = Number(raw["payload-log-max-bytes"]);
  const queueBytes = Number(raw["payload-log-queue-bytes"]);
  // A request and its response, with what describes them.
  if (queueBytes < 3 * maxBytes) {
    problems.push(
      `PAYLOAD_LOG_QUEUE_BYTES (${queueBytes}) must be at least three times PAYLOAD_LOG_MAX_BYTES (${maxBytes})`,
    );
  }
  return {
    sink,
    mode: raw["payload-log-mode"] as PayloadLogSettings["mode"],
    sampledShare: Number(raw["payload-log-sample"]),
    seed: raw["payload-log-seed"] as number | undefined,
    rules,
    headers: readHeaders(String(raw["payload-log-headers"]), problems),
    maxBytes,
    queueBytes,
    queueEvents: Number(raw["payload-log-queue-events"]),
    origin: {
      source: String(raw["payload-log-source"]),
      inferenceService: String(raw["payload-log-service"]),
      namespace: String(raw["payload-log-namespace"]),
      component: String(raw["payload-log-component"]),
      endpoint: String(raw["payload-log-endpoint"]),
    },
  };
}

function readSink(raw: Raw, problems: string[]): PayloadSink | undefined {
  const [url, folder] = [String(raw["payload-log-url"]), String(raw["payload-log-folder"])];
  const retries = Number(raw["payload-log-retries"]);
  const path = (name: keyof Raw) => (raw[name] ? resolve(String(raw[name])) : undefined);
  if (url !== "" && folder !== "") {
    problems.push("PAYLOAD_LOG_URL and PAYLOAD_LOG_FOLDER exclude each other: set one of them");
    return undefined;
  }
  if (folder !== "") {
    const fileBytes = Number(raw["payload-log-file-bytes"]);
    const folderBytes = Number(raw["payload-log-folder-bytes"]);
    if (folderBytes < 2 * fileBytes) {
      problems.push(
        `PAYLOAD_LOG_FOLDER_BYTES (${folderBytes}) must be at least twice PAYLOAD_LOG_FILE_BYTES (${fileBytes}): the file that is written, and one before it`,
      );
    }
    return { kind: "files", folder: resolve(folder), fileBytes, folderBytes, retries };
  }
  const [certPath, keyPath] = [path("payload-log-cert"), path("payload-log-key")];
  if ((certPath === undefined) !== (keyPath === undefined)) {
    problems.push(
      "PAYLOAD_LOG_CERT_PATH and PAYLOAD_LOG_KEY_PATH need each other: set both or neither",
    );
  }
  if (url === "") return undefined;
  const parsed = URL.parse(url);
  if (!/^https?:$/.test(parsed?.protocol ?? "")) {
    problems.push(`PAYLOAD_LOG_URL is "${withoutUser(url)}", expected an http or https URL`);
  } else if (parsed?.username || parsed?.password) {
    problems.push(
      "PAYLOAD_LOG_URL has a user or a password: put a token into PAYLOAD_LOG_TOKEN_PATH",
    );
  }
  return {
    kind: "http",
    url,
    caPath: path("payload-log-ca"),
    certPath,
    keyPath,
    tokenPath: path("payload-log-token"),
    batchEvents: Number(raw["payload-log-batch-events"]),
    batchDelayMs: Number(raw["payload-log-batch-delay"]),
    timeoutMs: Number(raw["payload-log-timeout"]),
    retries,
  };
}

function readHeaders(text: string, problems: string[]): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const wrong = names.find((name) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name));
  if (wrong !== undefined) {
    problems.push(`PAYLOAD_LOG_HEADERS has "${wrong}", expected names of headers`);
  }
  return names;
}

/** A URL that cannot be parsed may still have a password. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//***@");
}
