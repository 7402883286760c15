import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { sessionToken } from "./state/session-token.ts";

/** Where the server is, as callers outside of this page write it: without a slash at the end. */
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
