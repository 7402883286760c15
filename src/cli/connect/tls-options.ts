import { X509Certificate } from "node:crypto";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { type ClientOptions, readOptionFile } from "./client-options.ts";

/** The options for a TLS connection. Throws CommandError if a file cannot be read. */
export function tlsOptions(options: ClientOptions): ConnectionOptions {
  const { caFile, certFile, keyFile, pinnedFile } = options;
  return {
    ...(pinnedFile === undefined ? {} : pinned(readOptionFile("address", pinnedFile))),
    ...(caFile === undefined ? {} : { ca: readOptionFile("ca-file", caFile) }),
    ...(certFile === undefined ? {} : { cert: readOptionFile("cert-file", certFile) }),
    ...(keyFile === undefined ? {} : { key: readOptionFile("key-file", keyFile) }),
  };
}

/** Trusts a server that presents exactly this certificate, whatever its name and issuer. */
function pinned(pem: string): ConnectionOptions {
  return {
    ca: pem,
    allowPartialTrustChain: true,
    checkServerIdentity(_host: string, { raw }: PeerCertificate) {
      if (new X509Certificate(pem).raw.equals(raw)) return undefined;
      return new Error("the server's certificate is not the one in TLS_CERT_PATH");
    },
  };
}
