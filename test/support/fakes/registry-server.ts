import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { FileServer } from "./file-server.ts";

/** How clients have to log in. */
export type RegistryLogin =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | {
      readonly kind: "bearer";
      readonly username: string;
      readonly password: string;
      readonly refreshToken: string;
    };

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A registry of OCI's distribution protocol whose blobs lie on a second server, with a token server. */
export class RegistryServer {
  /** Has the blobs, and takes faults for them. */
  readonly store = new FileServer();
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** Queries and bodies of requests for tokens. */
  readonly tokenRequests: {
    readonly facts: URLSearchParams;
    readonly headers: IncomingHttpHeaders;
  }[] = [];
  login: RegistryLogin | undefined;
  /** Requests that a token is good for. */
  tokenUses = Number.POSITIVE_INFINITY;
  /** Where the challenge sends clients for tokens; default: here. */
  realm: string | undefined;
  readonly #manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  #token = "";
  #usesLeft = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<void> {
    await this.store.listen();
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The path of a blob on the store. */
  pathOf(bytes: Buffer): string {
    return `/${digestOf(bytes)}`;
  }

  /** Stores a manifest under the tag and its digest, which it returns. */
  put(repository: string, tag: string, manifest: object, type: string): string {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes);
    for (const version of [tag, digest]) this.replace(repository, version, { type, bytes });
    return digest;
  }

  /** Stores it under one name only. */
  replace(repository: string, version: string, manifest: { type: string; bytes: Buffer }): void {
    this.#manifests.set(`${repository}:${version}`, manifest);
  }

  /** Stores layers and the manifest that lists them, and returns its digest. */
  push(repository: string, tag: string, configType: string, layers: readonly Layer[]): string {
    const type = "application/vnd.oci.image.manifest.v1+json";
    const manifest = {
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: configType, digest: digestOf(Buffer.from("{}")), size: 2 },
      layers: layers.map(({ bytes, ...layer }) => {
        this.store.put(this.pathOf(bytes), bytes, { etag: '"of-the-store"' });
        return { ...layer, digest: digestOf(bytes), size: bytes.length };
      }),
    };
    return this.put(repository, tag, manifest, type);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.store.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${this.host}`);
    const path = decodeURIComponent(url.pathname);
    if (path === "/token") {
      await this.#giveToken(url, request, response);
      return;
    }
    this.requests.push({ path, headers: request.headers });
    if (!this.#isAllowed(request.headers.authorization)) {
      response.writeHead(401, { "www-authenticate": this.#challenge(path) }).end();
      return;
    }
    const [, repository, version] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path) ?? [];
    const manifest = this.#manifests.get(`${repository}:${version}`);
    if (manifest !== undefined) {
      const digest = digestOf(manifest.bytes);
      const headers = { "content-type": manifest.type, "docker-content-digest": digest };
      response.writeHead(200, headers).end(manifest.bytes);
      return;
    }
    const blob = /^\/v2\/.+\/blobs\/([^/]+)$/.exec(path)?.[1];
    if (blob === undefined) response.writeHead(404).end('{"errors":[]}');
    else response.writeHead(307, { location: `${this.store.origin}/${blob}` }).end();
  }

  #isAllowed(authorization: string | undefined): boolean {
    if (this.login === undefined) return true;
    if (this.login.kind === "basic") return authorization === basic(this.login);
    return authorization === `Bearer ${this.#token}` && this.#token !== "" && this.#usesLeft-- > 0;
  }

  #challenge(path: string): string {
    if (this.login?.kind === "basic") return 'Basic realm="a registry"';
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path)?.[1];
    const realm = this.realm ?? `http://${this.host}/token`;
    return `Bearer realm="${realm}",service="the, registry",scope="repository:${repository}:pull"`;
  }

  async #giveToken(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const facts = request.method === "POST" ? new URLSearchParams(body) : url.searchParams;
    this.tokenRequests.push({ facts, headers: request.headers });
    const { login } = this;
    const isKnown =
      login?.kind === "bearer" &&
      (request.method === "POST"
        ? facts.get("refresh_token") === login.refreshToken
        : request.headers.authorization === basic(login));
    if (!isKnown) {
      response.writeHead(401).end();
      return;
    }
    this.#token = `token-${this.tokenRequests.length}`;
    this.#usesLeft = this.tokenUses;
    const name = request.method === "POST" ? "access_token" : "token";
    response.writeHead(200).end(JSON.stringify({ [name]: this.#token }));
  }
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
