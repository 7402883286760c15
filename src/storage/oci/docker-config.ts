import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { readSmallFile } from "../../base/files/read-small-file.ts";
import type { Login } from "./login.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Names of the file in Docker's own folder, and in a secret of Kubernetes. */
const fileNames = ["config.json", ".dockerconfigjson"];

/** The content of Docker's configuration in `directory`; undefined if there is none. Throws "invalid-argument" if
 *  it is not JSON. Messages never quote it. */
export async function readDockerConfig(directory: string): Promise<Fields | undefined> {
  for (const name of fileNames) {
    const path = join(directory, name);
    const text = await readSmallFile(path).catch((error: unknown) => {
      const isMissing = error instanceof RuntimeError && error.kind === "failed-precondition";
      if (isMissing) return undefined;
      throw error;
    });
    if (text !== undefined) return parseDockerConfig(text, path);
  }
  return undefined;
}

/** `what` names the text in messages, which never quote it. */
export function parseDockerConfig(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Node quotes the text in its message.
  }
  if (isFields(value)) return value;
  throw new RuntimeError("invalid-argument", `${what} is not a JSON object, as Docker writes it`);
}

/** The login for a repository: the one whose key names most of it. Undefined if there is none. */
export function loginFor(config: Fields, registry: string, repository: string): Login | undefined {
  const auths = isFields(config["auths"]) ? config["auths"] : {};
  const wanted = `${registryOf(registry)}/${repository}`;
  const found = Object.keys(auths)
    .map((key) => ({ key, place: placeOf(key) }))
    .filter(({ place }) => wanted === place || wanted.startsWith(`${place}/`))
    .sort((a, b) => b.place.length - a.place.length)[0];
  const entry = found === undefined ? undefined : auths[found.key];
  return isFields(entry) ? readLogin(entry) : undefined;
}

/** The program that would know the login; Modelport runs none. */
export function helperFor(config: Fields, registry: string): string | undefined {
  const helpers = isFields(config["credHelpers"]) ? config["credHelpers"] : {};
  const named = helpers[registry] ?? config["credsStore"];
  return typeof named === "string" && named !== "" ? named : undefined;
}

function readLogin(entry: Fields): Login | undefined {
  const text = (name: string) => {
    const value = entry[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const token = text("registrytoken");
  if (token !== undefined) return { kind: "token", token };
  const decoded = Buffer.from(text("auth") ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  const username = text("username") ?? (colon < 0 ? undefined : decoded.slice(0, colon));
  const password = text("password") ?? (colon < 0 ? undefined : decoded.slice(colon + 1));
  const identity = text("identitytoken");
  if (identity !== undefined) return { kind: "identity", identityToken: identity };
  if (username === undefined || password === undefined) return undefined;
  return { kind: "password", username, password };
}

/** Keys may be URLs, and those of Docker Hub have the path of an API that is gone. */
function placeOf(key: string): string {
  const place = key.replace(/^https?:\/\//, "").replace(/\/(?:v1|v2)?\/?$/, "");
  const slash = place.indexOf("/");
  if (slash < 0) return registryOf(place);
  return `${registryOf(place.slice(0, slash))}${place.slice(slash)}`;
}

function registryOf(host: string): string {
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
