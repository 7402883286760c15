import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../support/servers/served.ts";

// Where the servers are, and whether doing without them is an error.
const { MODELPORT_STORAGE_SERVERS, MODELPORT_REQUIRE_STORAGE } = process.env;
const folder =
  MODELPORT_STORAGE_SERVERS || join(projectRoot, "node_modules/.cache/storage-servers");

const startLimitMs = 120_000;

export const serverFiles = {
  s3: join(folder, "versitygw"),
  gcs: join(folder, "fake-gcs-server"),
  oci: join(folder, "registry"),
  azure: join(folder, "azurite/node_modules/azurite/dist/src/blob/main.js"),
};

/** Why tests with this server are skipped; false where they have to run. */
export async function skipWithout(kind: keyof typeof serverFiles): Promise<string | false> {
  if (MODELPORT_REQUIRE_STORAGE === "1") return false;
  const file = serverFiles[kind];
  return await access(file).then(
    () => false as const,
    () => `no server at ${file}: test/storage/install-servers.sh makes one`,
  );
}

/** A storage server that others wrote, in a process of its own. */
export interface StorageServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts `program` with the arguments that `args` makes for a free port, and resolves when it listens. */
export async function startServer(
  program: string,
  args: (port: number) => readonly string[],
): Promise<StorageServer> {
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  const ended = once(child, "close");
  try {
    await Promise.race([listens(port), failed(child, () => output)]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    port,
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function failed(child: ChildProcess, output: () => string): Promise<never> {
  const [reason] = (await Promise.race([
    once(child, "close"),
    once(child, "error"),
    sleep(startLimitMs, ["time is up"], { ref: false }),
  ])) as unknown[];
  throw new Error(`the server did not start (${String(reason)}): ${output()}`);
}

async function listens(port: number): Promise<void> {
  const limit = performance.now() + startLimitMs;
  while (performance.now() < limit) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await Promise.race([
      once(socket, "connect").then(
        () => true,
        () => false,
      ),
    ]);
    socket.destroy();
    if (isUp) return;
    await sleep(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
