import assert from "node:assert/strict";
import type { RuntimeError } from "../../../src/base/errors.ts";
import { defaultRunSettings, type RunSettings } from "../../../src/config/run-settings.ts";
import type { MeteredRun } from "../../../src/engine/contract/engine.ts";
import { HostQueue } from "../../../src/engine/queue/host-queue.ts";
import type { JoiningEnd } from "../../../src/engine/queue/join-guard.ts";
import { ModelQueue } from "../../../src/engine/queue/model-queue.ts";
import type {
  ModelQueueOptions,
  OutgoingRun,
  RunReceiver,
} from "../../../src/engine/queue/queue-options.ts";
import type { IndexedTensor } from "../../../src/engine/wire/host-protocol.ts";

const forever = new AbortController().signal;

interface SentRun extends OutgoingRun {
  readonly receiver: RunReceiver;
}

/** One tensor of UINT8 [values, 1]. */
export function rows(...values: number[]): IndexedTensor[] {
  const data = Uint8Array.from(values);
  return [{ index: 0, datatype: "UINT8", shape: [values.length, 1], data }];
}

/** A model in a host that answers with its inputs, when told. */
export function newModel(
  changes: Partial<RunSettings> = {},
  {
    mayJoin = true,
    isBuilt = false,
    joinedBytes,
    cheapRows = 64,
    admission,
  }: {
    mayJoin?: boolean;
    isBuilt?: boolean;
    joinedBytes?: number;
    cheapRows?: number;
    admission?: ModelQueueOptions["admission"];
  } = {},
) {
  const ends: JoiningEnd[] = [];
  const compared = { same: 0, different: 0 };
  const metered = {
    answered: [] as { readonly waitedMs: number; readonly isAwaited: boolean }[],
    runs: [] as MeteredRun[],
  };
  const sent: SentRun[] = [];
  const callbacks: (() => void)[] = [];
  const host = new HostQueue((callback) => callbacks.push(callback));
  const queue = new ModelQueue({
    owner: {},
    host,
    settings: { ...defaultRunSettings, ...changes },
    mayJoin,
    isBuilt,
    joinedBytes,
    cheapRows,
    outputs: ["y"],
    meter: {
      answered: (waitedMs, isAwaited) => metered.answered.push({ waitedMs, isAwaited }),
      ran: (run) => metered.runs.push(run),
      compared: (isSame) => compared[isSame ? "same" : "different"]++,
    },
    onJoiningEnd: (end) => ends.push(end),
    admission,
    send: (run, receiver) => sent.push({ ...run, receiver }),
  });
  const nextTurn = () => {
    for (const callback of callbacks.splice(0)) callback();
  };
  /** The host answers to the oldest run, which takes `runMs` whatever its size. */
  const answer = (
    change = (tensors: IndexedTensor[]) => tensors,
    runMs = 0.1,
    peakBytes?: number,
  ) => {
    const run = sent.shift();
    assert.ok(run, "nothing was sent");
    const tensors = run.tensors.map(({ parts, ...head }) => ({
      ...head,
      data: new Uint8Array(Buffer.concat(parts)),
    }));
    run.receiver.resolve({
      runMs,
      computeMs: runMs,
      freeAtMs: 0,
      startedAtMs: 0,
      peakBytes,
      tensors: change(tensors),
    });
    nextTurn();
  };
  const fail = (error: RuntimeError) => {
    sent.shift()?.receiver.reject(error);
    nextTurn();
  };
  const infer = (
    values: readonly number[],
    { signal = forever, wanted = [0], alone = false } = {},
  ) => {
    const result = new Promise<readonly IndexedTensor[]>((resolve, reject) =>
      queue.run({ wanted, tensors: rows(...values) }, { signal, alone }, { resolve, reject }),
    );
    result.catch(() => {});
    return result;
  };
  /** Lets the model prove what it gains: afterwards requests are joined up to the limit. `pass` lets
   *  the time go by in which requests are held back. */
  const train = async (pass = () => {}) => {
    for (let round = 0; round < 30; round++) {
      const results = Array.from({ length: 70 }, () => infer([1]));
      do {
        while (sent.length > 0) answer();
        pass();
      } while (sent.length > 0);
      await Promise.all(results);
    }
  };
  const sizes = () => sent.map(({ tensors }) => tensors[0]?.shape[0]);
  return {
    queue,
    host,
    sent,
    answer,
    fail,
    infer,
    train,
    sizes,
    nextTurn,
    ends,
    compared,
    metered,
  };
}

export async function valuesOf(result: Promise<readonly IndexedTensor[]>): Promise<number[]> {
  const [tensor] = await result;
  return [...(tensor?.data ?? [])];
}
