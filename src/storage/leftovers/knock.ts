import { open } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";

/** A stopped process responds as well: the kernel does it. */
const patienceMs = 2_000;

/** Listens on the unix socket `directory/name`, so that other processes learn from the kernel that this one
 *  lives. Undefined if the file system has no sockets. */
export async function listenForKnocks(
  directory: string,
  name: string,
): Promise<Server | undefined> {
  return await withShortPath(directory, name, (path) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    return new Promise<Server | undefined>((resolve) => {
      server.once("error", () => resolve(undefined));
      server.listen(path, () => {
        // What happens to a connection later does not matter.
        server.on("error", () => {});
        resolve(server);
      });
    });
  }).catch(() => undefined);
}

/** Whether a process listens there. "refused" means that it has ended, provided that the socket is in the very
 *  file system that it listened in, and not in another view of the same disk. */
export async function knock(
  directory: string,
  name: string,
): Promise<"answered" | "refused" | "unknown"> {
  return await withShortPath(directory, name, (path) => {
    return new Promise<"answered" | "refused" | "unknown">((resolve) => {
      const socket = createConnection(path);
      const end = (outcome: "answered" | "refused" | "unknown") => {
        socket.destroy();
        resolve(outcome);
      };
      socket.setTimeout(patienceMs, () => end("unknown"));
      socket.once("connect", () => end("answered"));
      socket.once("error", ({ code }: NodeJS.ErrnoException) => {
        // EAGAIN: its queue is full.
        end(code === "ECONNREFUSED" ? "refused" : code === "EAGAIN" ? "answered" : "unknown");
      });
    });
  }).catch(() => "unknown" as const);
}

/** A socket path has at most 107 bytes: paths through an open directory are short. */
async function withShortPath<Result>(
  directory: string,
  name: string,
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  if (process.platform !== "linux") return await work(join(directory, name));
  const handle = await open(directory, "r");
  try {
    return await work(`/proc/self/fd/${handle.fd}/${name}`);
  } finally {
    await handle.close();
  }
}
