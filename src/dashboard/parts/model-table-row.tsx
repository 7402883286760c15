import type { JSX } from "preact";
import { formatBytes } from "../../clients/figures.ts";
import { formatCount, formatMs, formatRate } from "../page-figures.ts";
import { type ModelRow, sizeBytes } from "../state/model-rows.ts";
import { modelHref } from "../state/route.ts";
import { StateLabel } from "./state-label.tsx";

/** One model in the table. `index`: its position among the selected rows, from 0. */
export function ModelTableRow({ row, index }: { row: ModelRow; index: number }): JSX.Element {
  const { id, version, status, state, reason } = row;
  const traffic = status?.traffic;
  const failed = traffic?.failedTotal ?? 0n;
  const size = status === undefined ? 0n : sizeBytes(status);
  return (
    // biome-ignore-start lint/a11y: rows that are placed freely cannot be those of a table; the link inside takes the focus.
    <div role="row" aria-rowindex={index + 2} class="models-row" data-model={id}>
      <div role="rowheader" class="cell cell-name">
        <a href={modelHref(id, version)} data-row={index}>
          {id}
          {version !== "" && <small> v{version}</small>}
          {status?.versionAliases.map((alias) => (
            <small key={alias}> {alias}</small>
          ))}
        </a>
      </div>
      <div role="cell" class="cell cell-state">
        <StateLabel state={state} reason={reason} />
      </div>
      <div role="cell" class="cell cell-size">
        {size === 0n ? "–" : formatBytes(size)}
      </div>
      <div role="cell" class="cell cell-load">
        {status?.loadMs ? formatMs(status.loadMs) : "–"}
      </div>
      <div role="cell" class="cell cell-rate">
        {traffic === undefined ? "–" : formatRate(traffic.requestsPerSecond)}
      </div>
      <div role="cell" class="cell cell-p99">
        {formatMs(traffic?.p99Ms)}
      </div>
      <div role="cell" class={`cell cell-errors ${failed > 0n ? "tone-bad" : ""}`}>
        {traffic === undefined ? "–" : formatCount(failed)}
      </div>
    </div>
    // biome-ignore-end lint/a11y: as above.
  );
}
