import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface PeerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly httpPort: number;
  /** It is ready once all of these are. */
  readonly models: readonly string[];
}

export interface PeerServer {
  stop(): Promise<void>;
}

/** For hangs: a busy machine may take minutes to import what is large. */
const longestMs = 400_000;
const pollMs = 200;
/** Of what it prints, for the case that it does not start. */
const keptLength = 8_000;

/** Starts another model server, and resolves when it answers for all models. Rejects with what it has printed. */
export async function startPeer({
  command,
  args,
  httpPort,
  models,
}: PeerProgram): Promise<PeerServer> {
  // As our own models run.
  const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-keptLength);
    });
  }
  const exited = once(child, "close");
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  const lastMs = performance.now() + longestMs;
  for (const model of models) {
    while (!(await isReady(httpPort, model))) {
      const isOver = hasEnded(child) || performance.now() > lastMs;
      if (isOver) {
        await stop();
        throw new Error(`${command} did not get '${model}' ready:\n${printed}`);
      }
      await sleep(pollMs);
    }
  }
  return { stop };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function isReady(port: number, model: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v2/models/${model}/ready`);
    const text = await response.text();
    return response.ok && !text.includes("false");
  } catch {
    return false;
  }
}
