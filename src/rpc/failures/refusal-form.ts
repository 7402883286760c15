import type { IncomingHttpHeaders } from "node:http";
import { Code, type ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { callForm } from "./call-form.ts";
import { encodeGrpcMessage } from "./grpc-message.ts";

/** A response in HTTP's terms. */
export interface RefusalForm {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty if the headers say everything. */
  readonly body: string;
}

const httpStatus: Partial<Record<Code, number>> = {
  [Code.DeadlineExceeded]: 408,
  [Code.ResourceExhausted]: 429,
};

/** `error` in the form of a call whose head alone is known: gRPC's, REST's or Connect's. `status`: the HTTP
 *  status for the latter two. */
export function refusalForm(
  { path, headers }: { readonly path: string; readonly headers: IncomingHttpHeaders },
  error: ConnectError,
  status = httpStatus[error.code] ?? 500,
): RefusalForm {
  const form = callForm(path, headers);
  if (form === "grpc") {
    const answer = {
      "content-type": String(headers["content-type"]),
      "grpc-status": String(error.code),
      "grpc-message": encodeGrpcMessage(error.rawMessage),
    };
    return { status: 200, headers: answer, body: "" };
  }
  const { rawMessage: message } = error;
  const body = form === "rest" ? { error: message } : { code: codeToString(error.code), message };
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}
