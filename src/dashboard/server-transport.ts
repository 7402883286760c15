import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { sessionToken } from "./state/session-token.ts";

/** The server's URL for clients outside this page: without a trailing slash. */
export const serverUrl: string = new URL(".", document.baseURI).href.replace(/\/$/, "");

const showToken: Interceptor = (next) => (request) => {
  const token = sessionToken.peek();
  if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
  return next(request);
};

export const transport: Transport = createGrpcWebTransport({
  baseUrl: serverUrl,
  interceptors: [showToken],
});
