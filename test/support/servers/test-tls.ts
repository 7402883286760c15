import { defaultCiphers, type TlsSettings } from "../../../src/config/tls-settings.ts";
import type { KeyPair } from "./certificates.ts";

/** What the server does with `pair` if nothing else is set. */
export function testTls(pair: KeyPair, more: Partial<TlsSettings> = {}): TlsSettings {
  return {
    certPath: pair.cert,
    keyPath: pair.key,
    clientCaPath: undefined,
    clientAuth: "none",
    minVersion: "TLSv1.2",
    ciphers: defaultCiphers,
    plaintext: "none",
    ...more,
  };
}
