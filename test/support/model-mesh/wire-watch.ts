import http2 from "node:http2";
import type { MeshBooks } from "./mesh-books.ts";

/** What grpc-java takes for the headers, and for the trailers, of an answer. */
const headerLimitBytes = 8192;

/** Looks at every HTTP/2 connection that this process opens, below @grpc/grpc-js, which hides the
 *  compression of answers and the size of their headers. */
export class WireWatch {
  /** Connections opened so far. */
  connections = 0;
  readonly #books: MeshBooks;
  readonly #connect = http2.connect;

  constructor(books: MeshBooks) {
    this.#books = books;
    http2.connect = ((authority: string, options: http2.ClientSessionOptions) => {
      // Netty announces its limit; Node's server refuses to send more than a client announces.
      const settings = { ...options.settings, maxHeaderListSize: headerLimitBytes };
      const session = this.#connect(authority, { ...options, settings });
      session.once("connect", () => this.connections++);
      this.#watch(session);
      return session;
    }) as typeof http2.connect;
  }

  stop(): void {
    http2.connect = this.#connect;
  }

  #watch(session: http2.ClientHttp2Session): void {
    const request = session.request.bind(session);
    session.request = (headers, options) => {
      const stream = request(headers, options);
      const path = String(headers !== undefined && ":path" in headers ? headers[":path"] : "");
      stream.once("response", (fields) => {
        const encoding = fields["grpc-encoding"] ?? "identity";
        // ModelMesh offers gzip, but reads one byte of what comes in it.
        if (encoding !== "identity") this.#books.breach(`${path} is answered in ${encoding}`);
        this.#checkSize(path, fields);
      });
      stream.once("trailers", (fields) => this.#checkSize(path, fields));
      return stream;
    };
  }

  #checkSize(path: string, fields: http2.IncomingHttpHeaders): void {
    let bytes = 0;
    for (const [name, value] of Object.entries(fields)) {
      // As RFC 9113, section 6.5.2 counts.
      for (const each of [value].flat()) bytes += name.length + String(each).length + 32;
    }
    if (bytes > headerLimitBytes) this.#books.breach(`${path} has ${bytes} bytes of headers`);
  }
}
