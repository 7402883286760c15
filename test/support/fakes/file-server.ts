import { createHash } from "node:crypto";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** What a request for one file is answered with, if not with the file. */
export type Fault =
  /** This status, with a page that says so. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** So many bytes of the body, then the connection is cut. */
  | { readonly cutAfter: number }
  /** So many bytes of the body, then silence. */
  | { readonly hangAfter: number }
  /** The body with one bit turned. */
  | { readonly corrupt: true };

export interface ServedFile {
  readonly bytes: Buffer;
  /** Default: made from the content. "" leaves it out. */
  readonly etag?: string;
  /** Sent as `content-md5`. */
  readonly md5?: string;
  readonly ignoresRanges?: boolean;
  /** Without a length: as chunks. */
  readonly chunked?: boolean;
}

/** An HTTP or HTTPS server with files, ranges and faults. Sockets and requests are counted. */
export class FileServer {
  readonly files = new Map<string, ServedFile>();
  /** Taken one by one by the requests for a path. */
  readonly faults = new Map<string, Fault[]>();
  readonly requests: {
    readonly path: string;
    readonly range: string | undefined;
    readonly headers: IncomingMessage["headers"];
  }[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections so far, those included whose handshake failed. */
  connectionCount = 0;
  readonly #server: ReturnType<typeof createHttpServer>;
  readonly #scheme: "http" | "https";

  constructor(tls?: ServerOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response);
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createHttpServer(answer) : createHttpsServer(tls, answer);
    this.#server.on("connection", (socket: Socket) => {
      this.connectionCount++;
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  put(path: string, bytes: Buffer, more: Omit<ServedFile, "bytes"> = {}): string {
    this.files.set(path, { bytes, ...more });
    return `${this.origin}${path}`;
  }

  fail(path: string, ...faults: Fault[]): void {
    this.faults.set(path, faults);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? "/", this.origin).pathname;
    const { range } = request.headers;
    this.requests.push({ path, range, headers: request.headers });
    const fault = this.faults.get(path)?.shift();
    if (fault !== undefined && "status" in fault) {
      response.writeHead(fault.status, { "content-type": "text/html", ...fault.headers });
      response.end(`<html>status ${fault.status}</html>`);
      return;
    }
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/html" });
      response.end("<html>no such page</html>");
      return;
    }
    this.#send(file, request, response, fault);
  }

  #send(
    file: ServedFile,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Exclude<Fault, { status: number }> | undefined,
  ): void {
    const { bytes, md5 } = file;
    const etag = file.etag ?? `"${createHash("md5").update(bytes).digest("hex")}"`;
    const start = file.ignoresRanges ? 0 : startOf(request, etag);
    const headers: Record<string, string | number> = {};
    if (etag !== "") headers["etag"] = etag;
    if (md5 !== undefined && start === 0) headers["content-md5"] = md5;
    if (file.chunked !== true) headers["content-length"] = bytes.length - start;
    if (start > 0) headers["content-range"] = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(start > 0 ? 206 : 200, headers);
    const body = Buffer.from(bytes.subarray(start));
    if (fault === undefined) {
      response.end(body);
    } else if ("corrupt" in fault) {
      body[0] = (body[0] ?? 0) ^ 1;
      response.end(body);
    } else if ("cutAfter" in fault) {
      response.write(body.subarray(0, fault.cutAfter), () => response.destroy());
    } else {
      response.write(body.subarray(0, fault.hangAfter));
    }
  }
}

function startOf({ headers }: IncomingMessage, etag: string): number {
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== etag) return 0;
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}
