import { delimiter, resolve } from "node:path";
import type { SettingRows } from "../setting.ts";

/** How signatures of models are checked. */
export interface SigningSettings {
  /** "warn": models whose signature is not verified are loaded all the same. */
  readonly mode: "require" | "warn";
  /** Absolute paths of files and folders with public keys and certificates; at least one. */
  readonly trusted: readonly string[];
  /** Where verified models are copied to. Absolute; undefined: a folder of this user among the temporary files. */
  readonly directory: string | undefined;
}

/** The rows of src/config/settings.ts for signatures of models. */
export const signingSettings = {
  "model-signing": {
    env: "MODEL_SIGNING",
    type: "choice",
    choices: ["require", "warn", "off"],
    default: "off",
    doc: "OpenSSF Model Signing; require: only models whose signature is verified are loaded; warn: the others too, with a warning",
  },
  "model-signing-keys": {
    env: "MODEL_SIGNING_KEYS",
    type: "text",
    separator: delimiter,
    default: "",
    doc: `files and folders with the public keys, and the certificates of authorities, whose signatures count (PEM), separated by "${delimiter}"; read again when they change`,
  },
  "model-signing-dir": {
    env: "MODEL_SIGNING_DIR",
    type: "text",
    default: "",
    defaultText: "modelport-verified in the system's directory for temporary files",
    doc: "directory for copies of verified models, from which they are loaded; no other user may be able to write to it",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof signingSettings, string | number | undefined>>;

/** Undefined: off. Adds a line to `problems` for each value that cannot be used. */
export function readSigningSettings(raw: Raw, problems: string[]): SigningSettings | undefined {
  const mode = raw["model-signing"];
  if (mode !== "require" && mode !== "warn") return undefined;
  const trusted = String(raw["model-signing-keys"])
    .split(delimiter)
    .filter((path) => path !== "")
    .map((path) => resolve(path));
  if (trusted.length === 0) {
    problems.push(
      `MODEL_SIGNING is ${mode}, which needs MODEL_SIGNING_KEYS: files or folders with the public keys and certificates to trust`,
    );
  }
  const directory = String(raw["model-signing-dir"]);
  return { mode, trusted, directory: directory === "" ? undefined : resolve(directory) };
}
