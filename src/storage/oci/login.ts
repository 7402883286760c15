import { RuntimeError } from "../../base/errors.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import { helperFor, loginFor, parseDockerConfig, readDockerConfig } from "./docker-config.ts";
import type { Reference } from "./reference.ts";

/** What a registry, or its token server, may be told about who pulls. */
export type Login =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** Exchanged for a token, as a password is. */
  | { readonly kind: "identity"; readonly identityToken: string }
  /** Sent to the registry as it is. */
  | { readonly kind: "token"; readonly token: string };

export interface FoundLogin {
  readonly login: Login | undefined;
  /** Why there is none, if that can be said. */
  readonly hint: string;
}

/** The login for `reference`: `username` and `password`, or `token`, which count for the registry that `registry`
 *  names; `dockerconfigjson`, as text or as an object; or what Docker's config.json in `directory` says. */
export async function findLogin(
  parameters: StorageParameters,
  reference: Reference,
  directory: string | undefined,
): Promise<FoundLogin> {
  const own = ownLogin(parameters);
  if (own !== undefined) {
    const owner = parameters.text("registry");
    // Whoever asks for an image chooses its registry, which must not receive another one's password.
    if (owner === undefined) {
      throw parameters.invalid("registry is missing: it says whose username or token that is");
    }
    if (owner === reference.registry) return { login: own, hint: "" };
    return { login: undefined, hint: `the login of the storage configuration is for ${owner}` };
  }
  const config = await readConfig(parameters, directory);
  if (config === undefined) return { login: undefined, hint: "there is no login" };
  const { registry, repository } = reference;
  const login = loginFor(config, registry, repository);
  if (login !== undefined) return { login, hint: "" };
  const helper = helperFor(config, registry);
  const hint =
    helper === undefined
      ? "Docker's configuration has no login for this registry"
      : `its login is in the credential helper '${helper}', which Modelport does not run: put it into auths`;
  return { login: undefined, hint };
}

function ownLogin(parameters: StorageParameters): Login | undefined {
  const token = parameters.text("token");
  if (token !== undefined) return { kind: "token", token };
  const both = parameters.together("username", "password");
  return both && { kind: "password", ...both };
}

async function readConfig(parameters: StorageParameters, directory: string | undefined) {
  const field = parameters.field("dockerconfigjson") ?? parameters.field(".dockerconfigjson");
  if (typeof field === "string") return parseDockerConfig(field, "dockerconfigjson");
  if (field !== undefined && field !== null) {
    return parseDockerConfig(JSON.stringify(field), "dockerconfigjson");
  }
  return directory === undefined ? undefined : await readDockerConfig(directory);
}

/** The value of the header that sends a user's name and password. */
export function basicAuthorization(username: string, password: string): string {
  if (username.includes(":")) {
    throw new RuntimeError("invalid-argument", "a registry's username cannot have a colon");
  }
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
