import { once } from "node:events";
import type { Server } from "node:net";
import { RuntimeError } from "../../base/errors.ts";
import { claimSocketPath, openToAllUsers } from "./socket-path.ts";

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

// With port 0 the system picks a port that is free on IPv4; it may be taken on IPv6.
const maxPortPicks = 10;

/** Listens on `host`:`port`; "localhost" means 127.0.0.1 and ::1, whichever the machine has, on the same port.
 *  `createServer` creates one server per address. Rejects with "failed-precondition" and no server open. */
export async function listenTcp(
  createServer: () => Server,
  { host, port }: TcpAddress,
): Promise<Server[]> {
  if (host !== "localhost") return [await listenAt(createServer(), { host, port })];
  for (let pick = 1; ; pick++) {
    const servers: Server[] = [];
    try {
      for (const loopback of ["127.0.0.1", "::1"]) {
        const first = servers[0];
        const at = { host: loopback, port: first === undefined ? port : portOf(first) };
        const server = await listenIfPresent(createServer(), at);
        if (server !== undefined) servers.push(server);
      }
      if (servers.length > 0) return servers;
      throw new RuntimeError("failed-precondition", "this machine has no loopback address");
    } catch (reason) {
      await Promise.all(servers.map(closeListener));
      if (port !== 0 || servers.length === 0 || pick === maxPortPicks) throw reason;
    }
  }
}

/** Listens on a unix socket that every user may connect to. Replaces a stale file at `path`. */
export async function listenUnix(server: Server, path: string): Promise<Server> {
  await claimSocketPath(path);
  try {
    server.listen(path);
    await once(server, "listening");
    await openToAllUsers(path);
    return server;
  } catch (cause) {
    server.close();
    const message = `cannot listen on the unix socket ${path}: ${errorCode(cause)}`;
    throw new RuntimeError("failed-precondition", message, { cause });
  }
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Stops listening. Resolves when the last of its connections is closed. */
export function closeListener(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

async function listenIfPresent(server: Server, at: TcpAddress): Promise<Server | undefined> {
  try {
    return await listenAt(server, at);
  } catch (reason) {
    const code = reason instanceof Error ? errorCode(reason.cause) : "";
    if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") return undefined;
    throw reason;
  }
}

async function listenAt(server: Server, at: TcpAddress): Promise<Server> {
  try {
    server.listen(at);
    await once(server, "listening");
    return server;
  } catch (cause) {
    const code = errorCode(cause);
    const why = code === "EADDRINUSE" ? "another process listens there: choose another port" : code;
    const message = `cannot listen at ${at.host} port ${at.port}: ${why}`;
    throw new RuntimeError("failed-precondition", message, { cause });
  }
}

function errorCode(reason: unknown): string {
  if (reason instanceof Error && "code" in reason) return String(reason.code);
  return String(reason);
}
