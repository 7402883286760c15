import type { Random } from "../support/attacks/mutate.ts";
import type { Tally } from "./tally.ts";

/** What a way to use memory finds: the server, and what it may do to it. */
export interface Pressed {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** Directory of models that loadModel takes, by their names in `pressureModels`. */
  readonly root: string;
  readonly random: Random;
  /** 1 for a container of 1 GiB, less for smaller ones: sizes and counts are multiplied by it. */
  readonly scale: number;
  readonly tally: Tally;
  /** Of the way's models, those that fitted. */
  readonly loaded: readonly string[];
  /** The processes beside the server, as they were a moment ago. */
  hostPids(): readonly number[];
  /** Aborted when the time of the way is over: whoever waits gives up what it waits for. */
  readonly stop: AbortSignal;
}

/** One way to use the memory of the server. */
export interface Way {
  readonly name: string;
  /** What it does, for the table's readers. */
  readonly about: string;
  /** Codes by which calls may be refused that need not be answered: gRPC's by name, HTTP's as "HTTP 429", and "cut"
   *  for a closed connection. */
  readonly refusals: readonly string[];
  /** Whether at least one call has to be answered, or none may be: what only attacks do. */
  readonly answers: "some" | "none" | "any";
  /** Loaded before its time begins, and unloaded after it: id -> name in `pressureModels`. */
  readonly models?: Readonly<Record<string, string>>;
  /** Whether it is enough if the first of them fits. */
  readonly mayNotFit?: boolean;
  /** Presses until `stop`; resolves when its calls and connections are gone. */
  press(pressed: Pressed): Promise<void>;
}

/** `callers` that each do `once` over and over. */
export async function repeat(
  { stop }: Pressed,
  callers: number,
  once: (caller: number) => Promise<void>,
): Promise<void> {
  const call = async (caller: number) => {
    while (!stop.aborted) await once(caller);
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.round(callers)) }, (_, at) => call(at)));
}

/** Waits, or until the way's time is over. */
export async function pause(stop: AbortSignal, ms: number): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resolve();
    }
    stop.addEventListener("abort", done);
  });
}
