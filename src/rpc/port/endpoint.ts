import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { RuntimeError } from "../../base/errors.ts";
import { defaultNetworkLimits, type NetworkLimits } from "../../config/network-limits.ts";
import type { TlsSettings } from "../../config/tls-settings.ts";
import { CallIntake } from "./call-intake.ts";
import { CountedRequest } from "./counted-request.ts";
import { HeaderLimit } from "./header-limit.ts";
import { closeListener, listenTcp, listenUnix, portOf } from "./listeners.ts";
import { isLoopback } from "./loopback.ts";
import { type HttpVersion, httpVersionOf, peek, protocolOf } from "./peek.ts";
import type { Peer, TcpPeer } from "./peer.ts";
import { refuseConnection, refusePlaintext } from "./refuse-connection.ts";
import { oneAtATime } from "./request-line.ts";
import { endStreamsAlone } from "./stream-faults.ts";
import { TlsHandshake } from "./tls-handshake.ts";
import { FilteredSocket } from "./unix-authority.ts";
import { UnreadAnswers } from "./unread-answers.ts";

/** Omitted limits have their defaults. */
export interface EndpointOptions extends Partial<NetworkLimits> {
  /** "localhost" means 127.0.0.1 and ::1; any other value is bound as it stands. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** An additional unix socket to listen on. */
  readonly socketPath?: string | undefined;
  /** Without it TCP is plaintext, as the unix socket always is. */
  readonly tls?: TlsSettings | undefined;
}

export interface EndpointAddress {
  readonly port: number;
  /** The bound TCP addresses, as IP addresses unless `host` was a name. */
  readonly hosts: readonly string[];
  readonly socketPath: string | undefined;
}

// With Node on both ends, larger windows can stall a connection for good (nodejs/node#65440). On unix sockets,
// whose kernel buffers are small, even these can, so unix sockets keep Node's default of 64 KiB.
const tcpWindowBytes = 1024 * 1024;

/** The number of headers per request, whatever their size; Node's default. */
const maxHeaderPairs = 128;

function http2Options(limits: NetworkLimits): http2.ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.maxStreams,
      maxHeaderListSize: limits.maxHeaderListBytes,
      enablePush: false,
    },
    maxHeaderListPairs: maxHeaderPairs,
    // In MB. The default of 10 is used up by a few large requests.
    maxSessionMemory: Math.ceil(limits.maxConnectionBytes / 1e6),
    // Node closes a connection on which too many calls are cancelled at once, including ModelMesh's.
    streamResetBurst: limits.maxCancelBurst,
    streamResetRate: limits.maxCancelsPerSecond,
  };
}

// Longer than clients usually keep idle connections, so that the clients close them.
const keepAliveTimeoutMs = 75_000;
// How late the timeouts above may be noticed; Node's default is 30 s.
const timeoutCheckMs = 1_000;
const idleSweepMs = 100;
const deadPeerProbeMs = 60_000;

/** One port for HTTP/1.1 and HTTP/2, on TCP with or without TLS, and on a unix socket: reads the first bytes of
 *  a connection and hands it to one of two servers that never listen themselves. */
export class Endpoint {
  readonly #options: EndpointOptions & NetworkLimits;
  readonly #log: Logger;
  readonly #http1: http.Server<typeof CountedRequest>;
  readonly #http2: Record<Peer["kind"], http2.Http2Server>;
  readonly #intake = new CallIntake();
  readonly #headerLimit: HeaderLimit;
  readonly #tls: TlsHandshake | undefined;
  readonly #listeners: net.Server[] = [];
  /** Every connection, and those of them that no server has taken over yet. */
  readonly #sockets = new Set<net.Socket>();
  readonly #undecided = new Set<net.Socket>();
  readonly #http1Sockets = new Set<net.Socket>();
  #tcpCount = 0;
  readonly #sweeper: NodeJS.Timeout;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  /** Keys are the sockets of HTTP/1.1 and the sessions of HTTP/2. Recorded on arrival, because a closed socket
   *  has no address any more, and would look like a unix socket. */
  readonly #peers = new WeakMap<object, Peer>();
  #closed: Promise<void> | undefined;

  constructor(options: EndpointOptions, log: Logger) {
    const limits = { ...defaultNetworkLimits, ...options };
    this.#options = limits;
    this.#log = log;
    this.#headerLimit = new HeaderLimit(limits.maxHeaderListBytes);
    this.#tls = options.tls && new TlsHandshake(options.tls, log);
    this.#http1 = http.createServer({
      IncomingMessage: CountedRequest,
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: timeoutCheckMs,
    });
    // The server never listens, and without this call it would never check its timeouts.
    this.#http1.emit("listening");
    const unread = new UnreadAnswers(limits.requestTimeoutMs);
    const sweepMs = Math.min(timeoutCheckMs, Math.ceil(limits.requestTimeoutMs / 4));
    this.#sweeper = setInterval(() => unread.sweep(this.#http1Sockets), sweepMs).unref();
    const unix = http2Options(limits);
    const settings = { ...unix.settings, initialWindowSize: tcpWindowBytes };
    this.#http2 = {
      tcp: http2.createServer({ ...unix, settings }),
      unix: http2.createServer(unix),
    };
    this.#http2.tcp.on("session", (session) => session.setLocalWindowSize(tcpWindowBytes));
    for (const server of Object.values(this.#http2)) {
      server.on("session", endStreamsAlone);
      server.on("sessionError", (error) => this.#log.debug({ err: error }, "connection failed"));
    }
  }

  /** Sends all requests, of both HTTP versions, to `handler`. Returns the HTTP/1.1 server, on which Fastify
   *  listens for malformed requests; the server must not listen. */
  attach(handler: http.RequestListener): http.Server {
    this.#http1.on(
      "request",
      oneAtATime(handler, (socket, handle) => this.#intake.begin(socket, handle)),
    );
    // Node's compatibility layer gives HTTP/2 requests the shape of HTTP/1.1 ones; the types differ.
    const http2Handler = handler as unknown as (
      request: http2.Http2ServerRequest,
      response: http2.Http2ServerResponse,
    ) => void;
    for (const server of Object.values(this.#http2)) server.on("request", http2Handler);
    return this.#http1;
  }

  /** Passes every HTTP/1.1 request to `look` first. */
  interceptRequests(look: (request: CountedRequest, response: http.ServerResponse) => void): void {
    this.#http1.prependListener("request", look);
  }

  /** Offers every HTTP/2 stream to `take` before Node creates a request for it. Streams that it does not take
   *  go to the handler that was attached before. `refuseHeaders` gets streams with too many headers. */
  interceptStreams(
    take: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => boolean,
    refuseHeaders: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  ): void {
    for (const server of Object.values(this.#http2)) {
      const listeners = server.listeners("stream");
      server.removeAllListeners("stream");
      const handle = this.#intake.spread((stream, headers, flags, rawHeaders) => {
        if (take(stream, headers)) return;
        for (const listener of listeners) {
          listener.call(server, stream, headers, flags, rawHeaders);
        }
      });
      server.on("stream", (stream, headers, flags, rawHeaders) => {
        if (this.#headerLimit.isExceededBy(stream, rawHeaders)) refuseHeaders(stream, headers);
        else handle(stream, headers, flags, rawHeaders);
      });
    }
  }

  /** Rejects with "failed-precondition", and nothing open, if an address is not available. */
  async listen(): Promise<EndpointAddress> {
    const { host, port, socketPath } = this.#options;
    try {
      await this.#tls?.open();
      this.#listeners.push(...(await listenTcp(() => this.#createListener("tcp"), { host, port })));
      const hosts = this.#listeners.map(hostOf);
      const bound = this.#listeners.map(portOf)[0] ?? port;
      if (socketPath !== undefined) {
        this.#listeners.push(await listenUnix(this.#createListener("unix"), socketPath));
      }
      return { port: bound, hosts, socketPath };
    } catch (reason) {
      await Promise.all(this.#listeners.splice(0).map(closeListener));
      this.#end();
      throw reason;
    }
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Undefined without TLS. */
  get tls(): Pick<TlsHandshake, "certificateExpiryMs" | "failureCount"> | undefined {
    return this.#tls;
  }

  /** The sender of this request; undefined if the connection is already gone. */
  peerOf(request: http.IncomingMessage | http2.Http2ServerRequest): Peer | undefined {
    if ("stream" in request) return this.peerOfStream(request.stream);
    return this.#peers.get(request.socket);
  }

  peerOfStream({ session: connection }: http2.ServerHttp2Stream): Peer | undefined {
    return connection === undefined ? undefined : this.#peers.get(connection);
  }

  /** Accepts no more connections and, on HTTP/2, no more calls (GOAWAY). Resolves when the calls in flight have
   *  finished and every connection is closed. */
  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  /** Cuts every connection. Calls in flight fail, and a pending `close` resolves. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #drain(): Promise<void> {
    const closed = this.#listeners.map(closeListener);
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions) session.close();
    // A busy connection becomes idle later.
    const sweep = setInterval(() => this.#http1.closeIdleConnections(), idleSweepMs);
    this.#http1.closeIdleConnections();
    await Promise.all(closed);
    // A listener is done when its last socket starts to close, a moment before it is closed.
    await Promise.all(
      [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    clearInterval(sweep);
    this.#end();
  }

  #end(): void {
    clearInterval(this.#sweeper);
    this.#tls?.close();
    this.#http1.close(); // Ends its timer for timeouts.
  }

  #createListener(kind: Peer["kind"]): net.Server {
    const options = {
      // HTTP/1.1 clients may end their side and still wait for the response.
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: deadPeerProbeMs,
    };
    return net.createServer(options, (socket) => this.#accept(socket, kind));
  }

  #accept(socket: net.Socket, kind: Peer["kind"]): void {
    // Until a server takes the socket over, nothing else listens for this.
    socket.on("error", (error) => this.#log.trace({ err: error }, "connection broke"));
    if (this.#closed !== undefined) {
      socket.destroy();
      return;
    }
    if (kind === "tcp" && this.#tcpCount >= this.#options.maxConnections) {
      this.#log.debug({ maxConnections: this.#options.maxConnections }, "connection refused");
      refuseConnection(socket, this.#tls !== undefined);
      return;
    }
    if (kind === "tcp") this.#tcpCount += 1;
    this.#sockets.add(socket);
    this.#undecided.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#undecided.delete(socket);
      if (kind === "tcp") this.#tcpCount -= 1;
    });
    const { peekTimeoutMs } = this.#options;
    if (kind === "tcp" && this.#tls !== undefined) {
      this.#startTls(socket, this.#tls, performance.now() + peekTimeoutMs);
      return;
    }
    const peer = kind === "unix" ? { kind } : plainPeer(socket);
    peek(socket, { decide: httpVersionOf, timeoutMs: peekTimeoutMs }, (version) => {
      this.#undecided.delete(socket);
      this.#handOver(socket, version, peer);
    });
  }

  /** Everything up to the first bytes of HTTP must be done by `deadlineMs`. */
  #startTls(socket: net.Socket, tls: TlsHandshake, deadlineMs: number): void {
    const leftMs = () => Math.max(1, deadlineMs - performance.now());
    const plain = plainPeer(socket);
    peek(socket, { decide: protocolOf, timeoutMs: leftMs() }, (protocol) => {
      if (protocol !== "tls") {
        this.#undecided.delete(socket);
        const isAllowed = this.#options.tls?.plaintext === "loopback" && isLoopback(plain.address);
        if (isAllowed) this.#handOver(socket, protocol, plain);
        else refusePlaintext(socket, protocol);
        return;
      }
      tls.start(socket, leftMs(), ({ socket: secure, certificateNames }) => {
        const peer: Peer = { ...plain, isTls: true, certificateNames };
        const decided = (version: HttpVersion) => {
          this.#undecided.delete(socket);
          this.#handOver(secure, version, peer);
        };
        if (secure.alpnProtocol === "h2") decided("http2");
        else if (secure.alpnProtocol === "http/1.1") decided("http1");
        else peek(secure, { decide: httpVersionOf, timeoutMs: leftMs() }, decided);
      });
    });
  }

  #handOver(socket: net.Socket, version: HttpVersion, peer: Peer): void {
    if (version === "http1") {
      this.#peers.set(socket, peer);
      this.#http1Sockets.add(socket);
      socket.once("close", () => this.#http1Sockets.delete(socket));
      if (socket instanceof TLSSocket) readThroughStream(socket);
      this.#http1.emit("connection", socket);
      return;
    }
    // HTTP/2 does not know half-open connections: with them, a client's FIN would leak the session.
    socket.allowHalfOpen = false;
    // The client named no protocol but speaks this one, which Node would not accept.
    if (socket instanceof TLSSocket) socket.alpnProtocol = "h2";
    const server = this.#http2[peer.kind];
    const noteSession = (session: http2.ServerHttp2Session) => {
      this.#peers.set(session, peer);
      this.#sessions.add(session);
      this.#headerLimit.watch(session);
      session.once("close", () => this.#sessions.delete(session));
    };
    // "session" is emitted before "connection" returns: this session belongs to this socket.
    server.once("session", noteSession);
    server.emit("connection", peer.kind === "unix" ? new FilteredSocket(socket) : socket);
    server.off("session", noteSession);
  }
}

/** Makes Node's HTTP/1.1 parser read from the stream, as it does for foreign sockets, and not from the socket's
 *  native part. The native part stops reading when responses are not taken, but data that TLS has already
 *  decrypted still arrives, and a paused parser treats that as an error: "Paused". */
function readThroughStream(socket: TLSSocket): void {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { _consumed?: boolean } };
  if (handle) handle._consumed = true;
}

function plainPeer({ remoteAddress = "" }: net.Socket): TcpPeer {
  return { kind: "tcp", address: remoteAddress, isTls: false };
}

function hostOf(server: net.Server): string {
  const address = server.address();
  if (typeof address === "object" && address !== null) return address.address;
  throw new RuntimeError("illegal-transition", "a TCP listener has no address");
}
