import { constants } from "node:crypto";
import type { Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import type { TlsSettings } from "../../config/tls-settings.ts";
import { LogSampler } from "../../observe/log-sampler.ts";
import { clientNames } from "./client-names.ts";
import { ServerCertificate } from "./server-certificate.ts";

/** A connection on which TLS is spoken now. */
export interface SecureConnection {
  readonly socket: TLSSocket;
  /** Names in the client's certificate, which is verified; undefined if it has shown none. */
  readonly certificateNames: readonly string[] | undefined;
}

type OnSecure = (connection: SecureConnection) => void;

/** Speaks TLS to connections that somebody else has accepted. */
export class TlsHandshake {
  readonly #server: tls.Server;
  readonly #certificate: ServerCertificate;
  /** By the client's end of the connection: Node does not say which socket a TLS socket was made of. */
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
      // With "optional" we look for ourselves: Node would refuse clients that have none.
      rejectUnauthorized: settings.clientAuth === "require",
    });
    this.#certificate = new ServerCertificate(
      settings,
      (options) =>
        this.#server.setSecureContext({
          ...options,
          honorCipherOrder: true,
          // RFC 9113, 9.2.1. It is a way to make a server work, too.
          secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
        }),
      log,
    );
    this.#server.on("secureConnection", (socket) => this.#succeed(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#note(error, socket));
  }

  /** When the certificate ends, in milliseconds since 1970; undefined before `open`. */
  get certificateExpiryMs(): number | undefined {
    return this.#certificate.expiryMs;
  }

  /** Handshakes that came to nothing since the start. */
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

  /** Calls `onSecure` once the handshake is done, with what the client said in it already to be read. A
   *  connection that takes longer than `timeoutMs` is destroyed, as one on which it fails. */
  start(socket: Socket, timeoutMs: number, onSecure: OnSecure): void {
    const key = keyOf(socket);
    if (key === undefined) {
      socket.destroy();
      return;
    }
    const giveUp = () => {
      this.#note(new Error("the handshake was not done in time"), socket);
      socket.destroy();
    };
    // Node's own timeout starts anew with every byte.
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
    // For as long as no server of HTTP has taken the socket over, nobody else listens for this.
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

  /** Anybody may cause these. */
  #note(error: Error & { readonly code?: string }, socket: Socket): void {
    this.#failureCount += 1;
    const level = error.code === "ECONNRESET" && !isRefused(socket) ? "debug" : "info";
    const droppedCount = this.#sampler.pass(level);
    if (droppedCount === undefined) return;
    // What a certificate was refused for is not in the error.
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

/** Of OpenSSL's chain of numbers, libraries and places, the words. */
function describeTlsError(error: Error): string {
  const [, words] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? [];
  return words ?? describeError(error, 200);
}
