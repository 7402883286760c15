import type { JSX } from "preact";
import type { ModelStatus } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatBytes } from "../../clients/figures.ts";
import { joiningText, signatureText, stateName } from "../../clients/state-names.ts";
import { formatCount, formatMs, formatTime } from "../page-figures.ts";
import { findRow, type ModelRow } from "../state/model-rows.ts";
import { usePage } from "../state/page-state.ts";
import { TryModel } from "../try/try-model.tsx";
import { EventLog } from "./event-log.tsx";
import { type Fact, FactsCard } from "./facts-card.tsx";
import { LifecycleButtons } from "./lifecycle-buttons.tsx";
import { StateLabel } from "./state-label.tsx";
import { TrafficCharts } from "./traffic-charts.tsx";

/** Everything about one model, or one of its versions. */
export function ModelPage({ id, version }: { id: string; version: string }): JSX.Element {
  const { rows, store } = usePage();
  const row = findRow(rows.value, id, version);
  const shown = row?.status === undefined ? version : versionLabel(row.status);
  const name = (
    <>
      {id}
      {shown !== "" && <small> version {shown}</small>}
    </>
  );
  return (
    <>
      <nav aria-label="Way back">
        <a href="#/">← All models</a>
      </nav>
      <div class="title">
        <h1>{name}</h1>
        {row !== undefined && <StateLabel state={row.state} reason={row.reason} />}
        {row !== undefined && <LifecycleButtons row={row} />}
      </div>
      {row !== undefined && row.reason !== "" && <p class="reason">{row.reason}</p>}
      {row === undefined && store.runtime.value !== undefined && (
        <p class="card">This model is not loaded and not in the local repository.</p>
      )}
      {row?.status !== undefined && <Loaded row={row} status={row.status} />}
      <EventLog
        concerns={(event) =>
          event.modelId === id && event.modelVersion === (row?.version ?? version)
        }
      />
    </>
  );
}

function Loaded({ row, status }: { row: ModelRow; status: ModelStatus }): JSX.Element {
  const { generation } = status;
  return (
    <>
      {(row.state === "ready" || row.state === "reloading") && (
        // Another generation may take other tensors.
        <TryModel key={`${generation}`} id={row.id} version={row.version} format={status.format} />
      )}
      <TrafficCharts key={`charts ${generation}`} title="Traffic" generation={generation} />
      <div class="columns">
        <ModelFacts status={status} />
        <StateHistory status={status} />
      </div>
    </>
  );
}

function ModelFacts({ status }: { status: ModelStatus }): JSX.Element {
  const { traffic } = status;
  const bytes = (value: bigint | undefined) =>
    value === undefined || value === 0n ? "–" : formatBytes(value);
  const facts: readonly Fact[] = [
    ["Path", status.path],
    ["Type", status.type || "–"],
    ["Version aliases", status.versionAliases.join(", ") || "–"],
    ["Versions served", status.versionPolicy || "all"],
    ["Host", status.hostPid === 0 ? "–" : `process ${status.hostPid}`],
    ["Holds", bytes(status.heldBytes)],
    ["Reported", bytes(status.reportedBytes)],
    ["Measured", bytes(status.measuredBytes)],
    ["Predicted at most", bytes(status.predictedBytes)],
    ["Load took", status.loadMs === 0 ? "–" : formatMs(status.loadMs)],
    ["Loads", `${formatCount(status.loads)}, ${formatCount(status.loadFailures)} failed`],
    ["In flight", `${status.leases}, ${status.queueLength} of them waiting`],
    [
      "Requests",
      `${formatCount(traffic?.succeededTotal ?? 0n)} succeeded, ${formatCount(traffic?.failedTotal ?? 0n)} failed`,
    ],
    ["Joining", joiningText(status) ?? "–"],
    ["Signature", signatureText(status) ?? "not checked"],
    ["Generation", `${status.generation}`],
  ];
  return <FactsCard id="facts-title" title="Facts" facts={facts} />;
}

function versionLabel({ version, versionAliases }: ModelStatus): string {
  return versionAliases.length === 0 ? version : `${version} (${versionAliases.join(", ")})`;
}

function StateHistory({ status }: { status: ModelStatus }): JSX.Element {
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      <ol class="history">
        {status.history.toReversed().map((change, index) => (
          <li key={`${change.timeMs} ${index}`}>
            <time class="muted">{formatTime(change.timeMs)}</time>
            <StateLabel state={stateName(change.state)} reason={change.reason} />
            <span class="reason">{change.reason}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
