import type { AccessRule } from "./access-settings.ts";
import type { SettingRows } from "./setting.ts";

/** Where and by whom metrics are read, and the limit on series. */
export interface MetricsSettings {
  /** On the main port. */
  readonly access: AccessRule | "none";
  /** Undefined: no separate port. */
  readonly port: number | undefined;
  readonly host: string;
  /** Models with series of their own. */
  readonly maxModels: number;
}

/** Each model adds some thirty lines to every scrape. */
export const defaultMaxModels = 500;

/** The metrics rows of src/config/settings.ts. */
export const metricsSettings = {
  "metrics-access": {
    env: "METRICS_ACCESS",
    type: "choice",
    default: "local",
    choices: ["local", "authenticated", "any", "none"],
    doc: "who may read /metrics on the main port: values as for LIFECYCLE_ACCESS, or none for no client; any token or certificate is accepted",
  },
  "metrics-port": {
    env: "METRICS_PORT",
    type: "integer",
    default: undefined,
    min: 0,
    max: 65_535,
    doc: "separate TCP port for /metrics, open to every client; 0 picks a free port; unset: no separate port",
  },
  "metrics-host": {
    env: "METRICS_HOST",
    type: "text",
    default: "",
    defaultText: "that of `host`",
    doc: "address of the metrics port",
  },
  "metrics-max-models": {
    env: "METRICS_MAX_MODELS",
    type: "integer",
    default: defaultMaxModels,
    min: 0,
    max: 100_000,
    doc: "maximum models with time series of their own; the rest are counted together",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof metricsSettings, string | number | undefined>>;

/** `listenHost`: the address of the main port. */
export function readMetricsSettings(raw: Raw, listenHost: string): MetricsSettings {
  return {
    access: raw["metrics-access"] as MetricsSettings["access"],
    port: raw["metrics-port"] as number | undefined,
    host: (raw["metrics-host"] as string) || listenHost,
    maxModels: raw["metrics-max-models"] as number,
  };
}
