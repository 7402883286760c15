import { constants } from "node:crypto";
import type { Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import type { TlsSettings } from "../../config/tls-settings.ts";
import { LogSampler } from "../../observe/log-sampler.ts";
import { clientNames } from "./client-names.ts";
import { ServerCertificate } from "./server-certificate.ts";

/** A connection with TLS established. */
export interface SecureConnection {
  readonly socket: TLSSocket;
  /** Names in the client's verified certificate; undefined without one. */
  readonly certificateNames: readonly string[] | undefined;
}

type OnSecure = (connection: SecureConnection) => void;

/** Performs TLS handshakes on connections that were accepted elsewhere. */
export class TlsHandshake {
  readonly #server: tls.Server;
  readonly #certificate: ServerCertificate;
  /** By the client's end of the connection: Node does not say which socket a TLS socket was made from. */
  readonly #waiting = new Map<string, OnSecure>();
  readonly #asksClients: boolean;
  readonly #log: Logger;
  readonly #sampler = new LogSampler();
  #failureCount = 0;

  constructor(settings: TlsSettings, log: Logger) {
    this.#log = log;
    this.#asksClients = settings.clientAuth !== "none";
    this.#server = tls.createServer({
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: this.#asksClients,
      // With "optional" we check certificates ourselves: Node would refuse clients without one.
      rejectUnauthorized: settings.clientAuth === "require",
    });
    this.#certificate = new ServerCertificate(
      settings,
      (options) =>
        this.#server.setSecureContext({
          ...options,
          honorCipherOrder: true,
          // RFC 9113, 9.2.1. Renegotiation is also a way to burden a server.
          secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
        }),
      log,
    );
    this.#server.on("secureConnection", (socket) => this.#succeed(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#note(error, socket));
  }

  /** When the certificate expires, in milliseconds since 1970; undefined before `open`. */
  get certificateExpiryMs(): number | undefined {
    return this.#certificate.expiryMs;
  }

  /** Failed handshakes since the start. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** Reads certificate and key. Rejects with "failed-precondition" if they cannot be used. */
  async open(): Promise<void> {
    await this.#certificate.open();
  }

  close(): void {
    this.#certificate.close();
  }

  /** Calls `onSecure` after the handshake; data that the client sent with it can still be read. Destroys a
   *  connection that takes longer than `timeoutMs`, or whose handshake fails. */
  start(socket: Socket, timeoutMs: number, onSecure: OnSecure): void {
    const key = keyOf(socket);
    if (key === undefined) {
      socket.destroy();
      return;
    }
    const giveUp = () => {
      this.#note(new Error("the handshake did not finish in time"), socket);
      socket.destroy();
    };
    // Node's own timeout restarts with every byte.
    const timer = setTimeout(giveUp, timeoutMs);
    const forget = () => {
      clearTimeout(timer);
      socket.off("close", forget);
      if (this.#waiting.get(key) === settle) this.#waiting.delete(key);
    };
    const settle: OnSecure = (connection) => {
      forget();
      onSecure(connection);
    };
    this.#waiting.set(key, settle);
    socket.once("close", forget);
    this.#server.emit("connection", socket);
  }

  #succeed(socket: TLSSocket): void {
    // Until an HTTP server takes the socket over, nothing else listens for this.
    socket.on("error", (error) => this.#log.trace({ err: error }, "connection broke"));
    const settle = this.#waiting.get(keyOf(socket) ?? "");
    if (settle === undefined) {
      socket.destroy();
      return;
    }
    const hasCertificate = this.#asksClients && socket.getPeerX509Certificate() !== undefined;
    if (hasCertificate && !socket.authorized) {
      this.#note(new Error("the client's certificate was refused"), socket);
      socket.destroy();
      return;
    }
    settle({ socket, certificateNames: hasCertificate ? clientNames(socket) : undefined });
  }

  /** Lines are rate-limited, because any client can cause them. */
  #note(error: Error & { readonly code?: string }, socket: Socket): void {
    this.#failureCount += 1;
    const level = error.code === "ECONNRESET" && !isRefused(socket) ? "debug" : "info";
    const droppedCount = this.#sampler.pass(level);
    if (droppedCount === undefined) return;
    // The error does not say why a certificate was refused.
    const reason = isRefused(socket)
      ? `the client's certificate was refused: ${String(socket.authorizationError)}`
      : describeTlsError(error);
    const { remoteAddress: address } = socket;
    const dropped = droppedCount > 0 ? { droppedCount } : {};
    this.#log[level]({ address, reason, code: error.code, ...dropped }, "TLS handshake failed");
  }
}

function isRefused(socket: Socket): socket is TLSSocket {
  return socket instanceof tls.TLSSocket && Boolean(socket.authorizationError);
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  if (remoteAddress === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** Keeps the words of OpenSSL's chain of numbers, libraries and source locations. */
function describeTlsError(error: Error): string {
  const [, words] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? [];
  return words ?? describeError(error, 200);
}
