import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { RuntimeError } from "../../base/errors.ts";

// sun_path of the smallest system we know (macOS) holds 104 bytes, the last of which is NUL.
export const maxSocketPathBytes = 103;

/** Makes `path` free for a new unix socket: makes its directory, and removes a socket file that nobody
 *  answers on. Throws "failed-precondition" if somebody does, or if the file is no socket. */
export async function claimSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    const message = `the path of a unix socket has at most ${maxSocketPathBytes} bytes: ${path}`;
    throw new RuntimeError("failed-precondition", message);
  }
  await mkdir(dirname(path), { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    const message = `cannot make the directory of the unix socket ${path}: ${cause.code}`;
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

/** Whether somebody listens there. Throws "failed-precondition" if that cannot be told. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ECONNREFUSED" || cause.code === "ENOENT") return resolve(false);
      const message = `cannot tell whether somebody listens on ${path}: ${cause.code}`;
      reject(new RuntimeError("failed-precondition", message, { cause }));
    });
  });
}
