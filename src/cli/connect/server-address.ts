import { isIP, isIPv6 } from "node:net";
import { usageError } from "../command-error.ts";

/** Where a runtime listens. */
export interface ServerAddress {
  /** With scheme, hostname and port. Over a unix socket the hostname has no meaning. */
  readonly url: string;
  /** Absolute or relative path; undefined over TCP. */
  readonly socketPath: string | undefined;
  readonly isTls: boolean;
  /** For messages: as short as the user wrote it. */
  readonly label: string;
}

const defaultPort = 8085;

/** Reads "name", "name:port", "[::1]:8085", "http://name:port", "https://name:port", "unix:PATH" or the
 *  absolute path of a unix socket. Throws CommandError. */
export function readServerAddress(text: string): ServerAddress {
  const [, unixPath] = /^unix:(?:\/\/)?(.+)$/.exec(text) ?? [];
  const socketPath = unixPath ?? (text.startsWith("/") ? text : undefined);
  if (socketPath !== undefined) {
    return { url: "http://localhost", socketPath, isTls: false, label: `unix:${socketPath}` };
  }
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  // An IPv6 address without brackets has colons of its own.
  const withScheme = scheme === undefined ? `http://${isIPv6(text) ? `[${text}]` : text}` : text;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  const isHttp = !text.startsWith("unix:") && /^https?:$/.test(url?.protocol ?? "");
  const hasMore =
    url !== undefined && (url.pathname !== "/" || url.search || url.hash || url.username);
  if (url === undefined || !isHttp || url.hostname === "" || hasMore) {
    throw usageError(
      `"${text}" is not an address`,
      "expected HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:PATH",
    );
  }
  // A URL drops its scheme's default port, so a default port that the user wrote has to be restored.
  const isSchemePort = /:(80|443)\/?$/.test(withScheme);
  const schemePort = url.protocol === "https:" ? 443 : 80;
  const port = url.port || (scheme !== undefined || isSchemePort ? schemePort : defaultPort);
  const label = `${scheme === undefined ? "" : scheme}${url.hostname}:${port}`;
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    socketPath: undefined,
    isTls: url.protocol === "https:",
    label,
  };
}

/** Where the runtime in this environment listens: inside its container, commands need no address. */
export function environmentAddress(variable: (name: string) => string | undefined): string {
  const hasTls = variable("TLS_CERT_PATH") !== undefined;
  const socketPath = variable("UNIX_SOCKET_PATH");
  // The unix socket never uses TLS, and asks for no certificate.
  if (hasTls && socketPath !== undefined) return `unix:${socketPath}`;
  const scheme = hasTls && variable("TLS_PLAINTEXT") !== "loopback" ? "https://" : "";
  const port = variable("ADAPTER_PORT") ?? defaultPort;
  const host = variable("LISTEN_HOST") ?? "localhost";
  if (host === "0.0.0.0" || host === "::") return `${scheme}localhost:${port}`;
  return `${scheme}${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
