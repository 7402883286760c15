import type { IncomingHttpHeaders } from "node:http";

/** The form in which the client of a call looks for an error. */
export type CallForm = "grpc" | "connect" | "rest";

/** "/package.Service/Method": REST has no names with dots in front of one segment. */
const rpcPath = /^\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/;

/** By the head of the request alone, for calls that reach nobody who knows. `path`: a query may follow. */
export function callForm(path: string, headers: IncomingHttpHeaders): CallForm {
  const contentType = String(headers["content-type"] ?? "");
  if (contentType.startsWith("application/grpc")) return "grpc";
  const isConnect =
    headers["connect-protocol-version"] !== undefined ||
    /^application\/(?:proto\b|connect\+)/.test(contentType) ||
    rpcPath.test(path.split("?", 1)[0] ?? "");
  return isConnect ? "connect" : "rest";
}
