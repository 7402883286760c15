import { X509Certificate } from "node:crypto";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { type ClientOptions, readOptionFile } from "./client-options.ts";

/** What a connection with TLS is made with. Throws CommandError if a file cannot be read. */
export function tlsOptions(options: ClientOptions): ConnectionOptions {
  const { caFile, certFile, keyFile, pinnedFile } = options;
  return {
    ...(pinnedFile === undefined ? {} : pinned(readOptionFile("address", pinnedFile))),
    ...(caFile === undefined ? {} : { ca: readOptionFile("ca-file", caFile) }),
    ...(certFile === undefined ? {} : { cert: readOptionFile("cert-file", certFile) }),
    ...(keyFile === undefined ? {} : { key: readOptionFile("key-file", keyFile) }),
  };
}

/** Believes whoever shows this very certificate, whatever host it names and whoever issued it. */
function pinned(pem: string): ConnectionOptions {
  return {
    ca: pem,
    allowPartialTrustChain: true,
    checkServerIdentity(_host: string, { raw }: PeerCertificate) {
      if (new X509Certificate(pem).raw.equals(raw)) return undefined;
      return new Error("the server shows another certificate than that of TLS_CERT_PATH");
    },
  };
}
