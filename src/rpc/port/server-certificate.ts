import { createPrivateKey, X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { Logger } from "pino";
import type { TlsSettings } from "../../config/tls-settings.ts";
import { RenewedFiles } from "./renewed-files.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** When the log starts to warn, twice a day. */
const warnMs = 14 * dayMs;

/** The TLS files, which may change at any time: the server's certificate, its key and the authorities for
 *  clients. New files apply to new connections; open ones keep the old files. */
export class ServerCertificate {
  readonly #files: RenewedFiles;
  readonly #log: Logger;
  #expiryMs: number | undefined;
  #reminder: NodeJS.Timeout | undefined;

  /** `use` receives the options of a TLS context, at first and after every change. */
  constructor(
    settings: TlsSettings,
    use: (options: tls.SecureContextOptions) => void,
    log: Logger,
  ) {
    const { certPath, keyPath, clientCaPath, minVersion, ciphers } = settings;
    this.#log = log;
    this.#files = new RenewedFiles({
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

/** The first certificate of a file. Throws if it does not match the key, or OpenSSL refuses a file. */
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
    throw new Error("the key does not belong to the certificate");
  }
  // OpenSSL reads an empty list as the absence of one, with which no client could be verified.
  if (ca !== undefined) new X509Certificate(ca);
  tls.createSecureContext({ ...options, cert, key });
  return certificate;
}
