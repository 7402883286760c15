import { lstat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { describeError } from "../base/errors.ts";
import { isAnswered, maxSocketPathBytes } from "../rpc/port/socket-path.ts";
import { checkWritable } from "./check-space.ts";
import { type Finding, judgeOf } from "./finding.ts";

const judge = judgeOf("unix socket");
const advice = "choose another path by --unix-socket or UNIX_SOCKET_PATH";

/** Whether the server could make its socket at `path`. Changes nothing. */
export async function checkUnixSocket(path: string): Promise<Finding> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes) {
    return judge("fail", `${path} has ${bytes} bytes, of at most ${maxSocketPathBytes}`, advice);
  }
  const folder = dirname(resolve(path));
  const problem = await checkWritable(folder);
  if (problem !== undefined) {
    return judge(
      "fail",
      `no socket can be made in ${folder}: ${problem}`,
      `${advice}, or let this user write there`,
    );
  }
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return judge("ok", `${path} can be made`);
  if (!stats.isSocket()) return judge("fail", `${path} is there and no socket`, advice);
  try {
    if (!(await isAnswered(path))) return judge("ok", `${path} is left over, and will be replaced`);
    const what = "if that is the runtime you mean, all is well";
    return judge("warn", `a process listens on ${path}`, `${what}; else ${advice}`);
  } catch (error) {
    return judge("fail", describeError(error), advice);
  }
}
