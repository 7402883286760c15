import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { FileServer } from "./file-server.ts";

interface Commit {
  readonly sha: string;
  readonly files: ReadonlyMap<string, { readonly bytes: Buffer; readonly isLarge: boolean }>;
}

/** A server with the API of Hugging Face's hub. Large files lie on a second server, which stands for the ones that
 *  the hub redirects to. */
export class HubServer {
  /** Has the large files, and takes faults for them. */
  readonly store = new FileServer();
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** What clients have to send; undefined if anyone may read. */
  token: string | undefined;
  /** Whether the list of files has sizes and hashes, as the hub's own has. */
  hasFacts = true;
  /** Answers so many requests for a path with this status. */
  readonly failures = new Map<string, { readonly status: number; times: number }>();
  /** Turns a bit of every small file. */
  corruptsSmallFiles = false;
  readonly #revisions = new Map<string, Commit>();
  readonly #commits = new Map<string, Commit>();
  readonly #server = createServer((request, response) => this.#answer(request, response));

  async listen(): Promise<void> {
    await this.store.listen();
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** Another host than that of the large files. */
  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Makes `revision` of `id` a new commit, and returns its hash. Files of more than 1000 bytes are large. */
  commit(id: string, files: Readonly<Record<string, Buffer | string>>, revision = "main"): string {
    const entries = Object.entries(files).map(([path, content]) => {
      const bytes = Buffer.from(content);
      return [path, { bytes, isLarge: bytes.length > 1000 }] as const;
    });
    const sha = hash(
      "sha1",
      JSON.stringify(entries.map(([path, { bytes }]) => [path, hash("md5", bytes)])),
    );
    const commit = { sha, files: new Map(entries) };
    for (const name of [revision, sha]) this.#revisions.set(`${id}@${name}`, commit);
    this.#commits.set(`${id}@${sha}`, commit);
    for (const [, { bytes, isLarge }] of entries) {
      // The store has tags of its own.
      if (isLarge) this.store.put(`/${hash("sha256", bytes)}`, bytes, { etag: '"of-the-store"' });
    }
    return sha;
  }

  /** The paths of files that were asked for, without those of the store. */
  get resolved(): string[] {
    return this.requests.flatMap(({ path }) => /\/resolve\/[^/]+\/(.*)$/.exec(path)?.[1] ?? []);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.store.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? "/", this.origin).pathname);
    this.requests.push({ path, headers: request.headers });
    const failure = this.failures.get(path);
    if (failure !== undefined && failure.times-- > 0) {
      response.writeHead(failure.status).end();
      return;
    }
    const isAllowed =
      this.token === undefined || request.headers.authorization === `Bearer ${this.token}`;
    if (!isAllowed) {
      refuse(response, 401, "GatedRepo", "Access to model is restricted.");
      return;
    }
    const api = /^\/api\/models\/(.+?)\/revision\/(.+)$/.exec(path);
    if (api !== null) {
      this.#list(response, api[1] ?? "", api[2] ?? "");
      return;
    }
    const [, id = "", sha = "", name = ""] = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    this.#send(request, response, { commit: this.#commits.get(`${id}@${sha}`), name });
  }

  #list(response: ServerResponse, id: string, revision: string): void {
    const commit = this.#revisions.get(`${id}@${revision}`);
    if (commit === undefined) {
      const isKnown = [...this.#revisions.keys()].some((key) => key.startsWith(`${id}@`));
      if (isKnown) refuse(response, 404, "RevisionNotFound", `Invalid rev id: ${revision}`);
      else refuse(response, 401, "RepoNotFound", "Invalid username or password.");
      return;
    }
    const siblings = [...commit.files].map(([rfilename, { bytes, isLarge }]) => {
      if (!this.hasFacts) return { rfilename };
      const lfs = { sha256: hash("sha256", bytes), size: bytes.length, pointerSize: 130 };
      const facts = { rfilename, size: bytes.length, blobId: gitHash(bytes) };
      return isLarge ? { ...facts, blobId: hash("sha1", "a pointer"), lfs } : facts;
    });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id, sha: commit.sha, siblings }));
  }

  #send(
    { headers }: IncomingMessage,
    response: ServerResponse,
    { commit, name }: { readonly commit: Commit | undefined; readonly name: string },
  ): void {
    const file = commit?.files.get(name);
    if (commit === undefined || file === undefined) {
      refuse(response, 404, "EntryNotFound", "Entry not found");
      return;
    }
    const bytes = Buffer.from(file.bytes);
    if (file.isLarge) {
      const sha256 = hash("sha256", bytes);
      response.writeHead(302, {
        location: `${this.store.origin}/${sha256}?signature=secret`,
        "x-repo-commit": commit.sha,
        "x-linked-etag": `"${sha256}"`,
        "x-linked-size": bytes.length,
        etag: `"${hash("sha1", "a pointer")}"`,
      });
      response.end();
      return;
    }
    if (this.corruptsSmallFiles) bytes[0] = (bytes[0] ?? 0) ^ 1;
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const range =
      start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
    const body = bytes.subarray(start);
    const etag = `"${gitHash(file.bytes)}"`;
    response.writeHead(start > 0 ? 206 : 200, { etag, "content-length": body.length, ...range });
    response.end(body);
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "x-error-code": code, "x-error-message": message });
  response.end(JSON.stringify({ error: message }));
}

function hash(algorithm: string, bytes: Buffer | string): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

function gitHash(bytes: Buffer): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
