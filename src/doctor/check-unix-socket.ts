import { lstat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { describeError } from "../base/errors.ts";
import { isAnswered, maxSocketPathBytes } from "../rpc/port/socket-path.ts";
import { checkWritable } from "./check-space.ts";
import { type Finding, judgeOf } from "./finding.ts";

const judge = judgeOf("unix socket");
const advice = "choose another path with --unix-socket or UNIX_SOCKET_PATH";

/** Whether the server could create its socket at `path`. Changes nothing. */
export async function checkUnixSocket(path: string): Promise<Finding> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes) {
    return judge(
      "fail",
      `${path} is ${bytes} bytes long, expected at most ${maxSocketPathBytes}`,
      advice,
    );
  }
  const folder = dirname(resolve(path));
  const problem = await checkWritable(folder);
  if (problem !== undefined) {
    return judge(
      "fail",
      `no socket can be created in ${folder}: ${problem}`,
      `${advice}, or give this user write permission there`,
    );
  }
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return judge("ok", `${path} can be created`);
  if (!stats.isSocket()) return judge("fail", `${path} exists and is not a socket`, advice);
  try {
    if (!(await isAnswered(path)))
      return judge("ok", `${path} is a leftover socket and will be replaced`);
    const what = "this is fine if it is the runtime that you mean";
    return judge("warn", `a process listens on ${path}`, `${what}; otherwise ${advice}`);
  } catch (error) {
    return judge("fail", describeError(error), advice);
  }
}
