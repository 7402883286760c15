import { join, resolve } from "node:path";
import type { SettingRows } from "./setting.ts";

export const storageTypes = ["s3", "gcs", "azure", "http", "hf", "oci", "pvc"] as const;
export type StorageType = (typeof storageTypes)[number];

/** The settings for pulling models. Directories are absolute. */
export interface PullSettings {
  /** Where pulled models are kept; other runtimes may share it. */
  readonly directory: string;
  /** The mounted `storage-config` secret. Need not exist. */
  readonly configDirectory: string;
  /** Has a folder for each mounted claim. Need not exist. */
  readonly volumesDirectory: string;
  /** Disk space for all pulled models together; 0: the whole disk. */
  readonly limitBytes: number;
  /** Files that are pulled in parallel. */
  readonly concurrency: number;
  /** How long a store may send nothing before the attempt is abandoned. */
  readonly idleTimeoutMs: number;
  readonly types: readonly StorageType[];
  /** Bytes that one archive may unpack to. */
  readonly unpackLimitBytes: number;
  /** The hub that `hf://` means; a URL. */
  readonly hubEndpoint: string;
  /** Sent to `hubEndpoint` only. */
  readonly hubToken: string | undefined;
  /** The folder of Docker's config.json, with the logins of registries. */
  readonly dockerConfigDirectory: string | undefined;
}

/** The pull rows of src/config/settings.ts. */
export const pullSettings = {
  "storage-config-dir": {
    env: "STORAGE_CONFIG_DIR",
    type: "text",
    default: "/storage-config",
    doc: "directory of the mounted storage-config secret, with one JSON file per storage key",
  },
  "pvc-mounts-dir": {
    env: "PVC_MOUNTS_DIR",
    type: "text",
    default: "/pvc_mounts",
    doc: "directory of mounted persistent volume claims, one subdirectory each",
  },
  "pull-dir": {
    env: "PULL_DIR",
    type: "text",
    default: "",
    defaultText: "_pulled in ROOT_MODEL_DIR",
    doc: "directory for pulled models; several runtimes may share it",
  },
  "pull-disk-size": {
    env: "PULL_DISK_BYTES",
    type: "integer",
    unit: "bytes",
    default: 0,
    min: 0,
    doc: "disk space for all pulled models; 0 is the whole disk",
  },
  "pull-concurrency": {
    env: "PULL_CONCURRENCY",
    type: "integer",
    default: 8,
    min: 1,
    max: 256,
    doc: "files pulled in parallel",
  },
  "pull-idle-timeout": {
    env: "PULL_IDLE_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 10_000,
    min: 100,
    max: 2 ** 31 - 1,
    doc: "time without data from a store before the download is retried",
  },
  "pull-unpack-size": {
    env: "PULL_UNPACK_BYTES",
    type: "integer",
    unit: "bytes",
    default: 32 * 1024 ** 3,
    min: 1,
    doc: "size that one archive (.tar, .tar.gz, .zip, a layer of an image) may unpack to",
  },
  "hf-endpoint": {
    env: "HF_ENDPOINT",
    type: "text",
    default: "https://huggingface.co",
    doc: "the hub that hf:// means: any server that speaks its API",
  },
  "hf-token": {
    env: "HF_TOKEN",
    aliases: ["HUGGING_FACE_HUB_TOKEN"],
    type: "text",
    default: "",
    isSecret: true,
    doc: "access token for hf-endpoint, for private and gated models; sent to no other server",
  },
  "docker-config": {
    env: "DOCKER_CONFIG",
    type: "text",
    default: "",
    doc: "directory of Docker's config.json, with the logins of registries for oci://",
  },
  "pull-types": {
    env: "PULL_TYPES",
    type: "text",
    default: storageTypes.join(","),
    separator: ",",
    doc: `kinds of stores that models may be pulled from, separated by commas: ${storageTypes.join(", ")}; none disables pulling`,
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof pullSettings, string | number | undefined>>;

/** Adds a line to `problems` for each value that cannot be used. */
export function readPullSettings(
  raw: Raw,
  rootModelDirectory: string,
  problems: string[],
): PullSettings {
  const names = String(raw["pull-types"])
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "none");
  for (const name of names) {
    if (storageTypes.some((type) => type === name)) continue;
    problems.push(
      `PULL_TYPES has "${name}": expected a list of ${storageTypes.join(", ")}, or none`,
    );
  }
  const hubEndpoint = String(raw["hf-endpoint"]);
  if (!/^https?:$/.test(URL.canParse(hubEndpoint) ? new URL(hubEndpoint).protocol : "")) {
    problems.push(`HF_ENDPOINT is "${hubEndpoint}": expected an http or https URL`);
  }
  const dockerConfig = String(raw["docker-config"]);
  return {
    directory: resolve(String(raw["pull-dir"] || join(rootModelDirectory, "_pulled"))),
    configDirectory: resolve(String(raw["storage-config-dir"])),
    volumesDirectory: resolve(String(raw["pvc-mounts-dir"])),
    limitBytes: Number(raw["pull-disk-size"]),
    concurrency: Number(raw["pull-concurrency"]),
    idleTimeoutMs: Number(raw["pull-idle-timeout"]),
    types: storageTypes.filter((type) => names.includes(type)),
    unpackLimitBytes: Number(raw["pull-unpack-size"]),
    hubEndpoint,
    hubToken: String(raw["hf-token"]) || undefined,
    dockerConfigDirectory: dockerConfig === "" ? undefined : resolve(dockerConfig),
  };
}
