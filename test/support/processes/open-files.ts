import { readdir, readFile, readlink } from "node:fs/promises";
import { sep } from "node:path";
import { measureTree } from "./process-tree.ts";

/** Every file below `folder` that a process or a descendant of it has open or mapped, as "PID PATH". Needs
 *  /proc. */
export async function openFilesBelow(folder: string, rootPid: number): Promise<string[]> {
  const { pids } = await measureTree(rootPid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const files = new Set([...(await descriptorsOf(pid)), ...(await mappingsOf(pid))]);
      return [...files]
        .filter((file) => file.startsWith(folder + sep))
        .map((file) => `${pid} ${file}`);
    }),
  );
  return found.flat();
}

async function descriptorsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const descriptors = await readdir(folder).catch(() => []);
  return await Promise.all(
    descriptors.map((descriptor) => readlink(`${folder}/${descriptor}`).catch(() => "")),
  );
}

async function mappingsOf(pid: number): Promise<string[]> {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8").catch(() => "");
  return [...maps.matchAll(/^(?:\S+\s+){5}(\/.*)$/gm)].map(([, file = ""]) => file);
}
