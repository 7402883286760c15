import { createPrivateKey, X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { Logger } from "pino";
import type { TlsSettings } from "../../config/tls-settings.ts";
import { WatchedFiles } from "./watched-files.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** From when on the log tells, twice a day. */
const warnMs = 14 * dayMs;

/** The files of TLS, which may change at any time: the server's certificate, its key and the authorities of
 *  clients. New ones hold for new connections; open ones go on with what they have. */
export class ServerCertificate {
  readonly #files: WatchedFiles;
  readonly #log: Logger;
  #expiryMs: number | undefined;
  #reminder: NodeJS.Timeout | undefined;

  /** `use` is given what a context needs, at first and after every change. */
  constructor(
    settings: TlsSettings,
    use: (options: tls.SecureContextOptions) => void,
    log: Logger,
  ) {
    const { certPath, keyPath, clientCaPath, minVersion, ciphers } = settings;
    this.#log = log;
    this.#files = new WatchedFiles({
      paths: [certPath, keyPath, ...(clientCaPath === undefined ? [] : [clientCaPath])],
      use: ([cert, key, ca]) => {
        const options = { cert, key, ca, minVersion, ciphers };
        const certificate = checkedCertificate(options);
        use(options);
        this.#note(certificate);
      },
      log,
    });
  }

  /** Milliseconds since 1970; undefined before `open`. */
  get expiryMs(): number | undefined {
    return this.#expiryMs;
  }

  /** Rejects with "failed-precondition" if the files cannot be used. */
  async open(): Promise<void> {
    await this.#files.open();
    this.#reminder = setInterval(() => this.#remind(), dayMs / 2).unref();
  }

  close(): void {
    this.#files.close();
    clearInterval(this.#reminder);
  }

  #note({ subject, subjectAltName, validTo, fingerprint256 }: X509Certificate): void {
    this.#expiryMs = Date.parse(validTo);
    const expires = new Date(this.#expiryMs).toISOString();
    const facts = { subject, subjectAltName, expires, fingerprint256 };
    this.#log.info(facts, "server certificate loaded");
    this.#remind();
  }

  #remind(): void {
    if (this.#expiryMs === undefined) return;
    const leftMs = this.#expiryMs - Date.now();
    if (leftMs > warnMs) return;
    const facts = { expires: new Date(this.#expiryMs).toISOString() };
    if (leftMs > 0) this.#log.warn(facts, "server certificate expires soon");
    else this.#log.error(facts, "server certificate expired");
  }
}

/** The first certificate of a file. Throws if it and the key are not a pair, or OpenSSL refuses anything. */
export function checkedCertificate(options: {
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly ca: Buffer | undefined;
  readonly minVersion: TlsSettings["minVersion"];
  readonly ciphers: string;
}): X509Certificate {
  const { cert = Buffer.alloc(0), key = Buffer.alloc(0), ca } = options;
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the key is not that of the certificate");
  }
  // OpenSSL takes an empty list for none, on which nobody could vouch for anybody.
  if (ca !== undefined) new X509Certificate(ca);
  tls.createSecureContext({ ...options, cert, key });
  return certificate;
}
