import { fork } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import manifest from "../../../package.json" with { type: "json" };
import { startRuntime } from "./runtime.ts";

/** How late the event loop was while it was watched. */
export interface LoopDelay {
  readonly maxMs: number;
  readonly p99Ms: number;
}

export interface WatchedRuntime {
  readonly root: string;
  readonly port: number;
  startWatching(): Promise<void>;
  stopWatching(): Promise<LoopDelay>;
  close(): Promise<void>;
}

type Command = "start" | "stop" | "close";

/** The runtime in a process of its own, like in production, whose event loop is watched from inside. */
export async function startWatchedRuntime(): Promise<WatchedRuntime> {
  const child = fork(fileURLToPath(import.meta.url), ["run"], {
    // As `npm run serve` does.
    execArgv: manifest.scripts.serve.split(" ").filter((word) => word.startsWith("--")),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ask = async (command: Command) => {
    const answer = once(child, "message");
    child.send(command);
    return (await answer)[0] as unknown;
  };
  const [address] = (await once(child, "message")) as [{ root: string; port: number }];
  return {
    ...address,
    startWatching: async () => void (await ask("start")),
    stopWatching: async () => (await ask("stop")) as LoopDelay,
    async close() {
      const exited = once(child, "exit");
      child.send("close" satisfies Command);
      await exited;
    },
  };
}

async function run(): Promise<void> {
  const runtime = await startRuntime();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const tell = (message: object) => process.send?.(message);
  process.on("message", (command: Command) => {
    if (command === "start") {
      delay.reset();
      delay.enable();
      tell({});
    } else if (command === "stop") {
      delay.disable();
      tell({ maxMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 } satisfies LoopDelay);
    } else {
      void runtime.close().then(() => process.disconnect());
    }
  });
  tell({ root: runtime.root, port: runtime.port });
}

if (process.argv[2] === "run" && process.send !== undefined) await run();
