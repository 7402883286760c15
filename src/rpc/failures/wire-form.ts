import type { IncomingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { encodeGrpcMessage, toEarlyStatus } from "./error-codes.ts";

/** The wire format in which a call's client expects errors. */
export type Wire = "grpc" | "connect" | "rest";

/** "/package.Service/Method": no REST path has a name with dots before a single segment. */
const rpcPath = /^\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/;

/** Decided from the request's head alone, for calls that reach no handler. `path`: may include a query. */
export function wireOf(path: string, headers: IncomingHttpHeaders): Wire {
  const contentType = String(headers["content-type"] ?? "");
  if (contentType.startsWith("application/grpc")) return "grpc";
  const isConnect =
    headers["connect-protocol-version"] !== undefined ||
    /^application\/(?:proto\b|connect\+)/.test(contentType) ||
    rpcPath.test(path.split("?", 1)[0] ?? "");
  return isConnect ? "connect" : "rest";
}

/** A response in HTTP's terms. */
export interface RefusalForm {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty if the headers say everything. */
  readonly body: string;
}

/** `error` in the form of a call whose head alone is known. `status`: of REST and Connect; gRPC's is always 200. */
export function refusalForm(
  { path, headers }: { readonly path: string; readonly headers: IncomingHttpHeaders },
  error: ConnectError,
  status = toEarlyStatus(error.code),
): RefusalForm {
  const wire = wireOf(path, headers);
  if (wire === "grpc") {
    const trailers = {
      "content-type": String(headers["content-type"] ?? ""),
      "grpc-status": String(error.code),
      "grpc-message": encodeGrpcMessage(error.rawMessage),
    };
    return { status: 200, headers: trailers, body: "" };
  }
  const { rawMessage: message } = error;
  const body = wire === "rest" ? { error: message } : { code: codeToString(error.code), message };
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}
