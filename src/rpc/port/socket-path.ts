import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { RuntimeError } from "../../base/errors.ts";

// sun_path on the smallest system that we know (macOS) holds 104 bytes, the last of which is NUL.
export const maxSocketPathBytes = 103;

/** Makes `path` free for a new unix socket: creates its directory, and removes a socket file that no process
 *  listens on. Throws "failed-precondition" if a process does, or if the file is not a socket. */
export async function claimSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    const message = `the path of the unix socket is too long, expected at most ${maxSocketPathBytes} bytes: ${path}`;
    throw new RuntimeError("failed-precondition", message);
  }
  await mkdir(dirname(path), { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    const message = `cannot create the directory of the unix socket ${path}: ${cause.code}`;
    throw new RuntimeError("failed-precondition", message, { cause });
  });
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new RuntimeError("failed-precondition", `${path} exists and is not a socket`);
  }
  if (await isAnswered(path)) {
    throw new RuntimeError("failed-precondition", `another process listens on ${path}`);
  }
  await rm(path, { force: true });
}

/** ModelMesh and its puller may run as other users than we do. */
export function openToAllUsers(path: string): Promise<void> {
  return chmod(path, 0o666);
}

/** Whether a process listens there. Throws "failed-precondition" if that cannot be determined. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ECONNREFUSED" || cause.code === "ENOENT") return resolve(false);
      const message = `cannot determine whether a process listens on ${path}: ${cause.code}`;
      reject(new RuntimeError("failed-precondition", message, { cause }));
    });
  });
}
