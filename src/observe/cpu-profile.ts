import { Session } from "node:inspector/promises";
import { delay } from "../base/abort.ts";

/** Records where this process spends its time for `durationMs`, in the format of Chrome's developer tools
 *  (.cpuprofile). When `signal` aborts, stops and rejects with its reason. Only one profile at a time. */
export async function takeCpuProfile(durationMs: number, signal: AbortSignal): Promise<object> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await delay(durationMs, signal);
    const { profile } = await session.post("Profiler.stop");
    return profile;
  } finally {
    session.disconnect();
  }
}
