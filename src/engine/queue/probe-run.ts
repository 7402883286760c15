import type { AdmittedRun } from "../run-memory/admission.ts";
import { joinRequests, type RunRequest } from "./batch-join.ts";
import type { HostRun } from "./host-queue.ts";
import type { Probe } from "./probe.ts";
import type { ModelQueueOptions } from "./queue-options.ts";

export interface ProbeRunParts extends Pick<ModelQueueOptions, "owner" | "send"> {
  /** Undefined: memory is unlimited. */
  readonly admitted: AdmittedRun | undefined;
  /** It took this long, and its cost shows what joining gains. */
  onUsual(rows: number, runMs: number): void;
  onEnd(): void;
}

/** A probe as its host sees it. */
export function probeRun(probe: Probe, parts: ProbeRunParts): HostRun {
  const { requests, rows, isUsual } = probe;
  const { owner, admitted, send, onUsual, onEnd } = parts;
  const [{ wanted }] = requests as [RunRequest];
  const isMeasured = admitted?.isMeasured === true;
  return {
    owner,
    isWanted: false,
    limitMs: 0,
    giveUp: () => {},
    start: (done) => {
      const end = (settle: () => void) => {
        settle();
        done();
        onEnd();
      };
      send(
        { wanted, tensors: joinRequests(requests, rows), isMeasured },
        {
          resolve: (answer) =>
            end(() => {
              admitted?.ended(answer);
              if (isUsual) onUsual(rows, answer.runMs);
              probe.answered(answer.tensors);
            }),
          reject: (error) =>
            end(() => {
              admitted?.failed(error);
              probe.failed(error);
            }),
        },
      );
    },
  };
}
