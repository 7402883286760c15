import type { JSX } from "preact";
import {
  LifecycleOwner,
  RuntimePhase,
  type RuntimeState,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatAge, formatBytes } from "../../clients/figures.ts";
import { pollingTexts } from "../../clients/polling-text.ts";
import { formatMs } from "../page-figures.ts";
import { usePage } from "../state/page-state.ts";
import { type Fact, FactsCard } from "./facts-card.tsx";

const phases: Partial<Record<RuntimePhase, string>> = {
  [RuntimePhase.STARTING]: "starting",
  [RuntimePhase.SHUTTING_DOWN]: "shutting down",
};

const owners: Partial<Record<LifecycleOwner, string>> = {
  [LifecycleOwner.UNCLAIMED]: "no owner yet, ModelMesh once it calls",
  [LifecycleOwner.REPOSITORY]: "the repository, even if ModelMesh calls",
  [LifecycleOwner.MODELMESH]: "ModelMesh",
};

/** The runtime in one line of the head. */
export function RuntimeFacts(): JSX.Element {
  const runtime = usePage().store.runtime.value;
  if (runtime === undefined) return <p class="facts" />;
  const { versions, timeMs, startedMs } = runtime;
  const phase = phases[runtime.phase];
  return (
    <p class="facts">
      {phase !== undefined && <strong>{phase}</strong>}
      <span>{versions?.modelport}</span>
      <span>up {formatAge(Number(timeMs - startedMs))}</span>
      <span class="wide">{versions?.engine}</span>
      <span class="wide">Node {versions?.node}</span>
    </p>
  );
}

/** Nothing if polling was not asked for. */
function pollingFacts(runtime: RuntimeState | undefined): Fact[] {
  const texts = pollingTexts(runtime?.repositoryPolling, runtime?.timeMs ?? 0n);
  return texts.map((text, at) => [at === 0 ? "Repository" : `Repository (${at + 1})`, text]);
}

/** Figures of the server itself and of its hosts. */
export function RuntimeDetails(): JSX.Element {
  const runtime = usePage().store.runtime.value;
  const delay = runtime?.eventLoopDelay;
  const facts: readonly Fact[] = [
    ["Server memory", runtime ? formatBytes(runtime.serverMemoryBytes) : "–"],
    [
      "Event-loop delay",
      delay ? `p50 ${formatMs(delay.p50Ms)}, p99 ${formatMs(delay.p99Ms)}` : "–",
    ],
    ["Connections", `${runtime?.connections ?? "–"}, ${runtime?.watchers ?? "–"} watching`],
    [
      "Loads",
      `${runtime?.loadsRunning ?? "–"} of ${runtime?.loadsLimit ?? "–"} running, ${runtime?.loadsWaiting ?? "–"} waiting`,
    ],
    ["Lifecycle owner", owners[runtime?.lifecycleOwner ?? 0] ?? "–"],
    ...pollingFacts(runtime),
  ];
  return <FactsCard id="runtime-title" title="Runtime" facts={facts} />;
}
