import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describeError } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { closeListener, listenTcp } from "../rpc/port/listeners.ts";
import { type Finding, judgeOf } from "./finding.ts";

const judge = judgeOf("port");

/** Whether the server could listen at its address. Listens there for a moment. */
export async function checkPort({ host, port }: Pick<Config, "host" | "port">): Promise<Finding> {
  const where = `${host} port ${port}`;
  try {
    const servers = await listenTcp(() => createServer(), { host, port });
    await Promise.all(servers.map(closeListener));
    return judge("ok", port === 0 ? `${host} has free ports` : `${where} is free`);
  } catch (error) {
    const code = codeOf(error);
    if (code !== "EADDRINUSE") return judge("fail", describeError(error), adviceFor(code));
    const holder = await holderOf(port);
    const isRuntime = holder !== undefined && /\bmodelport\b.*\bserve\b/.test(holder);
    if (isRuntime) {
      const advice =
        "this is fine if it is the runtime that you mean; another one needs another --port";
      return judge("warn", `${where} is taken, by ${holder}`, advice);
    }
    const advice = "stop that process, or choose another port with --port or ADAPTER_PORT";
    return judge(
      "fail",
      `${where} is taken${holder === undefined ? "" : `, by ${holder}`}`,
      advice,
    );
  }
}

function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
}

function adviceFor(code: string | undefined): string {
  if (code === "EACCES") return "ports below 1024 need a privilege: choose a higher --port";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return "--host must be an address of this machine; 0.0.0.0 means all addresses, localhost only local clients";
  }
  return "choose another --host or --port";
}

/** The process that listens on the port, if Linux shows it; of other users' processes only the user. */
async function holderOf(port: number): Promise<string | undefined> {
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readFile(table, "utf8").catch(() => "")).split("\n").slice(1)) {
      const [, local = "", , state, , , , uid, , inode] = line.trim().split(/\s+/);
      const isListening = state === "0A" && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
      if (!isListening || inode === undefined) continue;
      return (await processWith(`socket:[${inode}]`)) ?? `a process of user ${uid}`;
    }
  }
  return undefined;
}

async function processWith(socket: string): Promise<string | undefined> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const folder = join("/proc", pid, "fd");
    const links = (await readdir(folder).catch(() => [])).map((fd) =>
      readlink(join(folder, fd)).catch(() => ""),
    );
    if (!(await Promise.all(links)).includes(socket)) continue;
    const command = await readFile(join("/proc", pid, "cmdline"), "utf8").catch(() => "");
    return `process ${pid} (${command.replaceAll("\0", " ").trim().slice(0, 100)})`;
  }
  return undefined;
}
