import {
  ModelState,
  type ModelStatus,
  type RuntimeState,
  RuntimeWatchService,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { printable } from "../../base/errors.ts";
import { formatAge, formatBytes } from "../../clients/figures.ts";
import { stateName } from "../../clients/state-names.ts";
import type { OutputStream } from "../command.ts";
import { RuntimeReplica } from "../connect/runtime-replica.ts";
import type { ServerConnection } from "../connect/server-connection.ts";

export interface ProgressTimes {
  /** A load that ends sooner prints nothing. */
  readonly quietMs: number;
  /** Between two lines about the same state, where lines cannot be rewritten. */
  readonly repeatMs: number;
  /** Between two polls. */
  readonly tickMs: number;
}

const terminalTimes: ProgressTimes = { quietMs: 400, repeatMs: 0, tickMs: 200 };
const fileTimes: ProgressTimes = { quietMs: 2_000, repeatMs: 10_000, tickMs: 200 };

/** Reports a load's progress on `stderr`, from construction until `stop`. On a terminal it rewrites one line
 *  and removes it at the end; elsewhere it prints a line for each change, and one in between now and then. */
export class LoadProgress {
  readonly #id: string;
  readonly #stderr: OutputStream;
  readonly #times: ProgressTimes;
  readonly #replica = new RuntimeReplica();
  readonly #startMs = performance.now();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #shown = "";
  #shownMs = 0;

  constructor(server: ServerConnection, id: string, stderr: OutputStream, times?: ProgressTimes) {
    this.#id = id;
    this.#stderr = stderr;
    this.#times = times ?? (stderr.isTTY ? terminalTimes : fileTimes);
    this.#watching = this.#watch(server);
    this.#timer = setInterval(() => this.#show(), this.#times.tickMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#watching;
    if (this.#stderr.isTTY && this.#shown !== "") this.#stderr.write("\r\x1b[K");
  }

  async #watch(server: ServerConnection): Promise<void> {
    const { signal } = this.#stopping;
    try {
      // A stream has no natural end, so it gets no timeout.
      const options = { signal, timeoutMs: 0 };
      for await (const message of server.client(RuntimeWatchService).watch({}, options)) {
        this.#replica.take(message);
      }
    } catch {
      // Progress is a convenience: the load itself reports whether it failed.
    }
  }

  #show(): void {
    const nowMs = performance.now();
    if (nowMs - this.#startMs < this.#times.quietMs) return;
    const state = describeLoad(this.#replica, this.#id);
    const line = printable(`loading ${this.#id}: ${state}`);
    const elapsed = formatAge(nowMs - this.#startMs);
    if (this.#stderr.isTTY) {
      const width = (this.#stderr.columns ?? 80) - 1;
      this.#stderr.write(`\r${`${line}, ${elapsed}`.slice(0, width)}\x1b[K`);
      this.#shown = line;
    } else if (line !== this.#shown || nowMs - this.#shownMs >= this.#times.repeatMs) {
      this.#stderr.write(`${line}, ${elapsed}\n`);
      this.#shown = line;
      this.#shownMs = nowMs;
    }
  }
}

function describeLoad({ models, runtime }: RuntimeReplica, id: string): string {
  const rows = [...models.values()].filter((model) => model.id === id);
  const underWay = rows.filter(({ state }) => isUnderWay(state));
  if (underWay.length === 0) return "waiting";
  return underWay.map((row) => describeRow(row, runtime, rows.length > 1)).join(", ");
}

function isUnderWay(state: ModelState): boolean {
  return state === ModelState.QUEUED || state === ModelState.LOADING;
}

function describeRow(
  { state, version, predictedBytes }: ModelStatus,
  runtime: RuntimeState | undefined,
  hasMany: boolean,
): string {
  const of = hasMany && version !== "" ? ` version ${version}` : "";
  const name = `${stateName(state)}${of}`;
  if (state === ModelState.QUEUED && runtime !== undefined) {
    return `${name} (${runtime.loadsRunning} of at most ${runtime.loadsLimit} loads run)`;
  }
  return predictedBytes === 0n ? name : `${name} (${formatBytes(predictedBytes)} predicted)`;
}
