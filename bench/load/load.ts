import { spawnSync } from "node:child_process";
import { runH2load } from "./h2load.ts";
import type { LoadResult } from "./load-result.ts";
import { runNodeLoad } from "./node-client.ts";

/** Unary calls over one connection, as ModelMesh makes them: `streams` of them in flight at any time,
 *  the next one as soon as one is answered. */
export interface LoadPlan {
  readonly port: number;
  readonly path: string;
  /** Headers of every call, beside those that gRPC asks for. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Files with one gRPC frame each. Clients that cannot alternate take one only. */
  readonly bodyFiles: readonly [string, ...string[]];
  readonly streams: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Bytes of the frame that every answer has; fewer mean that calls failed. */
  readonly answerBytes: number;
  /** The client's cores; undefined lets the system choose. */
  readonly cores: string | undefined;
  /** A folder for temporary files. */
  readonly folder: string;
}

/** What was reached; at least one call was answered. */
export type MeasuredLoad = Required<LoadResult>;

const longestSeconds = 20;

/** h2load costs a fraction of what a client in Node costs, which makes servers the bottleneck. */
const hasH2load: boolean = spawnSync("h2load", ["--version"]).status === 0;

export const loadClientName = hasH2load
  ? "h2load"
  : "a Node client (h2load is not installed), which may be the bottleneck itself";

/** Where calls take so long that a run sees few of them, it is repeated with more time. Rejects if any
 *  call fails. */
export async function measureLoad(plan: LoadPlan): Promise<MeasuredLoad> {
  const run = hasH2load && plan.bodyFiles.length === 1 ? runH2load : runNodeLoad;
  for (let { seconds } = plan; ; seconds *= 2) {
    const { latency, ...result } = await run({ ...plan, seconds });
    if (result.answers < 2 * plan.streams && seconds < longestSeconds) continue;
    if (latency === undefined) throw new Error(`${plan.path} was not answered in ${seconds} s`);
    return { ...result, latency };
  }
}
