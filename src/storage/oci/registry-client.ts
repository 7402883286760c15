import type { IncomingMessage } from "node:http";
import { RuntimeError } from "../../base/errors.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import { type Headers, WebClient, WebStatusError } from "../web/web-client.ts";
import { type Challenge, readChallenge } from "./challenge.ts";
import { basicAuthorization, type FoundLogin } from "./login.ts";

const maxTokenBytes = 1024 * 1024;
const clientId = "modelport";
/** Of one request: files that are fetched in parallel may use a token up between them. */
const maxTries = 4;

/** Requests to one repository of a registry, with the login that it asks for: none, a password, or a token that its
 *  token server gives. */
export class RegistryClient {
  readonly #web: WebClient;
  readonly #base: URL;
  readonly #repository: string;
  readonly #found: FoundLogin;
  #authorization: string | undefined;
  #renewal: Promise<void> | undefined;

  constructor(
    parameters: StorageParameters,
    place: { readonly base: URL; readonly repository: string; readonly found: FoundLogin },
    idleTimeoutMs: number,
  ) {
    this.#web = new WebClient(parameters, idleTimeoutMs);
    this.#base = place.base;
    this.#repository = place.repository;
    this.#found = place.found;
    const { login } = place.found;
    this.#authorization = login?.kind === "token" ? `Bearer ${login.token}` : undefined;
  }

  /** A blob, from `offset` on. */
  async blob(digest: string, offset: number, signal: AbortSignal): Promise<IncomingMessage> {
    // Its digest makes it the same forever, so a part is always a part of the same.
    const headers: Headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
    return await this.#withLogin(signal, (ownHeaders) =>
      this.#web.get(this.#url(`blobs/${digest}`), { headers, ownHeaders, signal }),
    );
  }

  /** The manifest of a tag or a digest, at most `maxBytes`. */
  async manifest(version: string, accept: string, maxBytes: number, signal: AbortSignal) {
    const what = `the manifest ${version}`;
    return await this.#withLogin(signal, (ownHeaders) =>
      this.#web.read(
        this.#url(`manifests/${version}`),
        { headers: { accept }, ownHeaders, signal },
        { maxBytes, what },
      ),
    );
  }

  #url(rest: string): URL {
    const base = this.#base.href.replace(/\/+$/, "");
    return new URL(`${base}/v2/${this.#repository}/${rest}`);
  }

  /** Tries again with what the registry asks for, which may be a new token because the last one is too old. */
  async #withLogin<T>(signal: AbortSignal, request: (own: Headers) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const used = this.#authorization;
      try {
        return await request(used === undefined ? {} : { authorization: used });
      } catch (error) {
        const challenge = this.#challengeOf(error);
        if (challenge === undefined || tries === maxTries) throw this.#explained(error);
        // Others that wait for a token at the same time may have it by now.
        if (this.#authorization === used) await this.#renew(challenge, signal);
        if (this.#authorization === used) throw this.#explained(error);
      }
    }
  }

  #challengeOf(error: unknown): Challenge | undefined {
    const isAsked = error instanceof WebStatusError && error.isOwn && error.statusCode === 401;
    if (!isAsked || this.#found.login?.kind === "token") return undefined;
    return readChallenge(error.headers["www-authenticate"]);
  }

  /** One request for all that need a login at the same time. */
  async #renew(challenge: Challenge, signal: AbortSignal): Promise<void> {
    this.#renewal ??= this.#authorize(challenge, signal)
      .then((authorization) => {
        this.#authorization = authorization;
      })
      .finally(() => {
        this.#renewal = undefined;
      });
    await this.#renewal;
  }

  async #authorize(challenge: Challenge, signal: AbortSignal): Promise<string> {
    const { login } = this.#found;
    if (challenge.scheme === "basic") {
      if (login?.kind === "password") return basicAuthorization(login.username, login.password);
      throw this.#denied("it asks for a password");
    }
    const realm = this.#realm(challenge);
    const { service } = challenge.fields;
    const scope = challenge.fields["scope"] ?? `repository:${this.#repository}:pull`;
    const facts = { ...(service === undefined ? {} : { service }), scope };
    try {
      if (login?.kind === "identity") {
        const grant = { grant_type: "refresh_token", refresh_token: login.identityToken };
        const form = new URLSearchParams({ ...grant, client_id: clientId, ...facts });
        return await this.#token(realm, { form: form.toString(), signal });
      }
      for (const [name, value] of Object.entries(facts)) realm.searchParams.set(name, value);
      const ownHeaders: Headers =
        login?.kind === "password"
          ? { authorization: basicAuthorization(login.username, login.password) }
          : {};
      return await this.#token(realm, { ownHeaders, signal });
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #token(
    realm: URL,
    request: {
      readonly form?: string;
      readonly ownHeaders?: Headers;
      readonly signal: AbortSignal;
    },
  ): Promise<string> {
    const limit = { maxBytes: maxTokenBytes, what: `the token of ${realm.origin}` };
    const { body } = await this.#web.read(realm, request, limit);
    let answer: { token?: unknown; access_token?: unknown } = {};
    try {
      answer = JSON.parse(body.toString("utf8")) as typeof answer;
    } catch {
      // Reported below, without the text.
    }
    const token = answer?.token ?? answer?.access_token;
    if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
    throw new RuntimeError(
      "failed-precondition",
      `the token server ${realm.origin} of ${this.#base.origin} sent no token`,
    );
  }

  /** The token server, which receives the login. */
  #realm({ fields }: Challenge): URL {
    const realm = fields["realm"] ?? "";
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const isSafe = url?.protocol === "https:" || this.#base.protocol === "http:";
    if (url !== undefined && /^https?:$/.test(url.protocol) && isSafe) return url;
    throw new RuntimeError(
      "failed-precondition",
      `${this.#base.origin} names '${realm.slice(0, 200)}' as its token server, expected an https URL`,
    );
  }

  /** Says what to do about a missing login. */
  #explained(error: unknown): unknown {
    const isDenied =
      error instanceof WebStatusError && (error.statusCode === 401 || error.statusCode === 403);
    return isDenied ? this.#denied(`status ${error.statusCode}`, error) : error;
  }

  #denied(why: string, cause?: unknown): RuntimeError {
    const hint = this.#found.hint || "its login is not accepted, or may not read this repository";
    return new RuntimeError(
      "failed-precondition",
      `${this.#base.host}/${this.#repository}: access denied: ${why}; ${hint}`,
      { cause },
    );
  }
}
