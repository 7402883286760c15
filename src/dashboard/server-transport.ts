import type { Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

/** Where the server is, as callers outside of this page write it: without a slash at the end. */
export const serverUrl: string = new URL(".", document.baseURI).href.replace(/\/$/, "");

export const transport: Transport = createGrpcWebTransport({ baseUrl: serverUrl });
