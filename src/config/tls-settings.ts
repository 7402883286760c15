import { resolve } from "node:path";
import type { SettingRows } from "./setting.ts";

/** Whether a client must present a certificate: none is requested, one is optional, or one is required. */
export type ClientAuth = "none" | "optional" | "require";

/** The TLS settings of the TCP port. Paths are absolute. */
export interface TlsSettings {
  /** PEM: this server's certificate, followed by its intermediates. */
  readonly certPath: string;
  readonly keyPath: string;
  /** PEM: the authorities for client certificates; undefined where clientAuth is "none". */
  readonly clientCaPath: string | undefined;
  readonly clientAuth: ClientAuth;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL names, separated by colons. */
  readonly ciphers: string;
  /** Whether clients on this machine may connect without TLS. */
  readonly plaintext: "none" | "loopback";
}

/** The suites that RFC 9113, 9.2.2 and RFC 9325, 4.2 allow: forward secrecy and authenticated encryption. */
export const defaultCiphers: string = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** The TLS rows of src/config/settings.ts. */
export const tlsSettings = {
  "tls-cert": {
    env: "TLS_CERT_PATH",
    type: "text",
    default: "",
    doc: "PEM file with the server certificate and its intermediates; enables TLS on the TCP port",
  },
  "tls-key": {
    env: "TLS_KEY_PATH",
    type: "text",
    default: "",
    doc: "PEM file with the certificate's private key, unencrypted",
  },
  "tls-client-ca": {
    env: "TLS_CLIENT_CA_PATH",
    type: "text",
    default: "",
    doc: "PEM file with the certificate authorities for client certificates",
  },
  "tls-client-auth": {
    env: "TLS_CLIENT_AUTH",
    type: "choice",
    choices: ["none", "optional", "require"],
    default: undefined,
    defaultText: "require if TLS_CLIENT_CA_PATH is set, otherwise none",
    doc: "client certificates: none, optional, or required",
  },
  "tls-min-version": {
    env: "TLS_MIN_VERSION",
    type: "choice",
    choices: ["1.2", "1.3"],
    default: "1.2",
    doc: "minimum TLS version",
  },
  "tls-ciphers": {
    env: "TLS_CIPHERS",
    type: "text",
    separator: ":",
    default: defaultCiphers,
    defaultText: "those of TLS 1.3, and of 1.2 those with ECDHE and AEAD",
    doc: "cipher suites by their OpenSSL names, separated by colons, in order of preference",
  },
  "tls-plaintext": {
    env: "TLS_PLAINTEXT",
    type: "choice",
    choices: ["none", "loopback"],
    default: "none",
    doc: "who may connect to the TCP port without TLS: no one, or clients on this machine; the unix socket never uses TLS",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof tlsSettings, string | number | undefined>>;

/** Undefined: no TLS. Adds a line to `problems` for settings that contradict each other. */
export function readTlsSettings(raw: Raw, problems: string[]): TlsSettings | undefined {
  const path = (name: keyof Raw) => (raw[name] ? resolve(String(raw[name])) : undefined);
  const certPath = path("tls-cert");
  const keyPath = path("tls-key");
  const clientCaPath = path("tls-client-ca");
  const clientAuth = (raw["tls-client-auth"] ??
    (clientCaPath === undefined ? "none" : "require")) as ClientAuth;
  if ((certPath === undefined) !== (keyPath === undefined)) {
    problems.push("TLS_CERT_PATH and TLS_KEY_PATH need each other: set both or neither");
  }
  if (certPath === undefined && clientCaPath !== undefined) {
    problems.push("TLS_CLIENT_CA_PATH needs TLS_CERT_PATH and TLS_KEY_PATH");
  }
  if ((clientAuth === "none") !== (clientCaPath === undefined)) {
    problems.push(
      clientAuth === "none"
        ? "TLS_CLIENT_CA_PATH has no effect with TLS_CLIENT_AUTH=none: unset one of them"
        : `TLS_CLIENT_AUTH=${clientAuth} needs TLS_CLIENT_CA_PATH`,
    );
  }
  if (certPath === undefined || keyPath === undefined) return undefined;
  return {
    certPath,
    keyPath,
    clientCaPath,
    clientAuth,
    minVersion: raw["tls-min-version"] === "1.3" ? "TLSv1.3" : "TLSv1.2",
    ciphers: String(raw["tls-ciphers"]),
    plaintext: raw["tls-plaintext"] === "loopback" ? "loopback" : "none",
  };
}
