import { join } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import { readSmallFile } from "../base/files/read-small-file.ts";
import { StorageParameters } from "./contract/parameters.ts";
import type { StorageLocation } from "./location.ts";

type Fields = Record<string, unknown>;

/** The folder where ModelMesh Serving's `storage-config` secret is mounted: one JSON file per key. Read for
 *  every pull, since Kubernetes replaces the files when the secret changes. */
export class StorageConfig {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws "failed-precondition" if the client's key does not exist, "invalid-argument" if a file or the
   *  client's parameters are unusable. Messages never quote a file. */
  async resolve(location: StorageLocation): Promise<StorageParameters> {
    const { storageKey, parameters } = location;
    const fields =
      storageKey === undefined
        ? await this.#readDefault(parameters["type"])
        : await this.#read(storageKey);
    if (fields["type"] === "s3" && fields["bucket"] === undefined && "default_bucket" in fields) {
      fields["bucket"] = fields["default_bucket"];
    }
    for (const [path, value] of Object.entries(parameters)) override(fields, path, value);
    const type = fields["type"];
    if (typeof type !== "string" || type === "") {
      // Tools around ModelMesh search for these words.
      throw new RuntimeError(
        "invalid-argument",
        "Predictor Storage field missing: neither storage_params nor the storage configuration has a type",
      );
    }
    return new StorageParameters(type, fields);
  }

  /** The default for clients without a key; empty if there is no such file. */
  async #readDefault(type: string | undefined): Promise<Fields> {
    try {
      return await this.#read(type === undefined ? "default" : `default_${type}`);
    } catch (error) {
      const isMissing = error instanceof RuntimeError && error.kind === "failed-precondition";
      if (isMissing) return {};
      throw error;
    }
  }

  async #read(key: string): Promise<Fields> {
    // The keys that Kubernetes allows in a secret, except the links that it keeps beside them.
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key.startsWith("..") || key === ".") {
      throw new RuntimeError("invalid-argument", `storage key '${key}' is not the key of a secret`);
    }
    let text: string;
    try {
      text = await readSmallFile(join(this.#directory, key));
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.kind !== "failed-precondition") throw error;
      throw new RuntimeError(
        "failed-precondition",
        `Did not find storage config for key ${key} in ${this.#directory}`,
        { cause: error },
      );
    }
    // Node quotes the text in its message, and the text contains passwords.
    const problem = `storage config for key ${key} is not a JSON object`;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new RuntimeError("invalid-argument", problem);
    }
    if (!isObject(value)) throw new RuntimeError("invalid-argument", problem);
    return value;
  }
}

/** Sets a field, or a nested one: "headers.Authorization". */
function override(fields: Fields, path: string, value: string): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let target = fields;
  for (const name of names) {
    if (name === "__proto__") throw refuse(path, "has no such field");
    const next = Object.hasOwn(target, name) ? target[name] : undefined;
    if (next === undefined) target[name] = {};
    else if (!isObject(next)) throw refuse(path, `needs '${name}' to be an object`);
    target = target[name] as Fields;
  }
  const old = Object.hasOwn(target, last) ? target[last] : undefined;
  if (last === "" || last === "__proto__") throw refuse(path, "has no such field");
  if (old !== undefined && typeof old !== "string") throw refuse(path, "is not a string there");
  target[last] = value;
}

function refuse(path: string, problem: string): RuntimeError {
  return new RuntimeError(
    "invalid-argument",
    `storage_params '${path}' cannot override the storage configuration: it ${problem}`,
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
