import type { IncomingHttpHeaders } from "node:http";

/** The form in which a call's client expects errors. */
export type CallForm = "grpc" | "connect" | "rest";

/** "/package.Service/Method": no REST path has a name with dots before a single segment. */
const rpcPath = /^\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/;

/** Decided from the request's head alone, for calls that reach no handler. `path`: may include a query. */
export function callForm(path: string, headers: IncomingHttpHeaders): CallForm {
  const contentType = String(headers["content-type"] ?? "");
  if (contentType.startsWith("application/grpc")) return "grpc";
  const isConnect =
    headers["connect-protocol-version"] !== undefined ||
    /^application\/(?:proto\b|connect\+)/.test(contentType) ||
    rpcPath.test(path.split("?", 1)[0] ?? "");
  return isConnect ? "connect" : "rest";
}
