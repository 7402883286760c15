import { createServer } from "node:net";

/** Ports that were free a moment ago, for servers that cannot choose their own. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === "string")
        throw new Error("a TCP server has a port");
      return new Promise<number>((resolve) => server.close(() => resolve(address.port)));
    }),
  );
}

/** A single one. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
