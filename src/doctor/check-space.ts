import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { formatBytes } from "../clients/figures.ts";
import type { Config } from "../config/config.ts";
import { type Finding, judgeOf } from "./finding.ts";

const MiB = 1024 ** 2;
/** What the server reserves there for each host with large payloads: src/engine/wire/payload-arena.ts. */
const sharedBytesPerHost = 8 * MiB;

/** Where the server writes: its pulled models, and the memory that it shares with its hosts. */
export async function checkSpace(config: Config, memoryFolder = "/dev/shm"): Promise<Finding[]> {
  const { directory, types, limitBytes } = config.pull;
  const findings: Finding[] = [];
  if (types.length > 0) findings.push(await checkPullFolder(directory, limitBytes));
  findings.push(await checkTemporary(tmpdir()));
  // Shared hosts, a spare one, and at least one for a model of its own.
  findings.push(await checkSharedMemory(memoryFolder, config.engineHosts + 2));
  return findings;
}

async function checkPullFolder(folder: string, limitBytes: number): Promise<Finding> {
  const judge = judgeOf("pulled models");
  const problem = await checkWritable(folder);
  if (problem !== undefined) {
    return judge(
      "warn",
      `models cannot be pulled to ${folder}: ${problem}`,
      "mount a volume there, choose another folder with --pull-dir, or disable pulling with --pull-types none",
    );
  }
  const freeBytes = await freeBytesAt(folder);
  const has = `${folder} is writable, ${formatBytes(freeBytes)} are free`;
  if (limitBytes > freeBytes) {
    const advice = "models already pulled count too; otherwise use a larger volume";
    return judge("warn", `${has}, --pull-disk-size allows ${formatBytes(limitBytes)}`, advice);
  }
  if (freeBytes < 256 * MiB) {
    return judge("warn", has, "use a larger volume: models are kept there for later loads");
  }
  return judge("ok", has);
}

async function checkTemporary(folder: string): Promise<Finding> {
  const judge = judgeOf("temporary files");
  const problem = await checkWritable(folder);
  if (problem === undefined) return judge("ok", `${folder} is writable`);
  return judge(
    "warn",
    `${folder} cannot be written: ${problem}`,
    "mount an emptyDir there, or set TMPDIR: profiles and Node's compile cache are written there",
  );
}

async function checkSharedMemory(folder: string, hosts: number): Promise<Finding> {
  const judge = judgeOf("shared memory");
  const problem = await checkWritable(folder);
  const instead = "otherwise large tensors go through sockets, which is slower";
  if (problem !== undefined) {
    const advice = `give this user write permission there; ${instead}`;
    return judge("warn", `${folder} cannot be written: ${problem}`, advice);
  }
  const freeBytes = await freeBytesAt(folder);
  const wantedBytes = hosts * sharedBytesPerHost;
  const has = `${folder} has ${formatBytes(freeBytes)}`;
  if (freeBytes >= wantedBytes) return judge("ok", `${has} for tensors that are sent to hosts`);
  const advice = `mount an emptyDir with medium: Memory there, or start docker with --shm-size; ${instead}`;
  return judge("warn", `${has}, but ${hosts} hosts may need ${formatBytes(wantedBytes)}`, advice);
}

/** Why this user cannot write there, or could not once the folder is created; undefined if nothing prevents it. */
export async function checkWritable(folder: string): Promise<string | undefined> {
  try {
    if (!(await stat(folder)).isDirectory()) return `${folder} is not a directory`;
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(folder);
    const isAbsent = code === "ENOENT" || code === "ENOTDIR";
    if (isAbsent && parent !== folder) return await checkWritable(parent);
    return code === "EACCES" ? `no permission in ${folder}` : `${folder}: ${code}`;
  }
}

/** The file system that holds `folder`, or will hold it. */
async function freeBytesAt(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    const parent = dirname(folder);
    return parent === folder ? 0 : await freeBytesAt(parent);
  }
}
