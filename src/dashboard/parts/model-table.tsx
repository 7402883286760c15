import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { type SortKey, type SortOrder, selectRows } from "../state/model-rows.ts";
import { usePage } from "../state/page-state.ts";
import { LoadModelButton } from "./load-model.tsx";
import { ModelTableRow } from "./model-table-row.tsx";
import { useVisibleRows } from "./use-visible-rows.ts";

interface Column {
  readonly key: SortKey;
  readonly title: string;
  readonly hint: string;
}

const columns: readonly Column[] = [
  { key: "name", title: "Model", hint: "" },
  { key: "state", title: "State", hint: "" },
  { key: "size", title: "Size", hint: "Memory that the model holds" },
  { key: "load", title: "Load", hint: "How long the load took" },
  { key: "rate", title: "Req/s", hint: "Requests per second, over ten seconds" },
  { key: "p99", title: "p99", hint: "Latency of the 99th percentile" },
  { key: "errors", title: "Errors", hint: "Failed requests since the model was loaded" },
];

/** All models, with filter and sorting, each with a link to its page. Only the visible rows are in the
 *  document. */
export function ModelTable(): JSX.Element {
  const { rows } = usePage();
  const filter = useSignal("");
  const order = useSignal<SortOrder>({ key: "name", descending: false });
  const selected = useMemo(
    () => selectRows(rows.value, filter.value, order.value),
    [rows.value, filter.value, order.value],
  );
  const { viewport, onScroll, onKeyDown, first, last, rowHeight } = useVisibleRows(selected.length);
  const all = rows.value.length;
  const isFiltered = selected.length !== all;
  return (
    <section class="card" aria-labelledby="models-title">
      <div class="bar-of-tools">
        <h2 id="models-title">Models</h2>
        <span class="muted" role="status">
          {isFiltered ? `${selected.length} of ${all}` : all}
        </span>
        <input
          type="search"
          placeholder="Filter by name, type or state"
          aria-label="Filter models"
          value={filter}
          onInput={(event) => {
            filter.value = event.currentTarget.value;
          }}
        />
        <LoadModelButton />
      </div>
      {/* biome-ignore-start lint/a11y: rows of a table element cannot be placed freely, and what scrolls must be in reach of the keyboard. */}
      <div
        class="models"
        role="table"
        aria-labelledby="models-title"
        aria-rowcount={selected.length + 1}
      >
        <div role="rowgroup" class="models-head">
          <div role="row" aria-rowindex={1} class="models-row">
            {columns.map((column) => (
              <HeadCell
                key={column.key}
                column={column}
                order={order.value}
                onSort={(next) => {
                  order.value = next;
                }}
              />
            ))}
          </div>
        </div>
        <div
          role="rowgroup"
          class="models-body"
          ref={viewport}
          onScroll={onScroll}
          onKeyDown={onKeyDown}
          tabIndex={0}
          aria-label="Rows"
        >
          <div
            class="models-space"
            role="presentation"
            style={{ height: `${selected.length * rowHeight}px` }}
          >
            <div
              class="models-window"
              role="presentation"
              style={{ transform: `translateY(${first * rowHeight}px)` }}
            >
              {selected.slice(first, last).map((row, index) => (
                <ModelTableRow key={row.key} row={row} index={first + index} />
              ))}
            </div>
          </div>
          {selected.length === 0 && (
            <p class="empty muted">
              {all === 0 ? "No models yet." : "No model matches the filter."}
            </p>
          )}
        </div>
      </div>
      {/* biome-ignore-end lint/a11y: as above. */}
    </section>
  );
}

function HeadCell(props: {
  readonly column: Column;
  readonly order: SortOrder;
  readonly onSort: (order: SortOrder) => void;
}): JSX.Element {
  const { column, order, onSort } = props;
  const isSorted = order.key === column.key;
  const direction = order.descending ? "descending" : "ascending";
  // Names start at A; for figures the largest is the interesting one.
  const descending = isSorted ? !order.descending : column.key !== "name" && column.key !== "state";
  return (
    // biome-ignore lint/a11y: see the table; the button inside takes the focus.
    <div
      role="columnheader"
      aria-sort={isSorted ? direction : "none"}
      class={`cell cell-${column.key}`}
    >
      <button
        type="button"
        class="sort"
        title={column.hint}
        onClick={() => onSort({ key: column.key, descending })}
      >
        {column.title}
        <span class="arrow" aria-hidden="true">
          {isSorted ? (order.descending ? "▼" : "▲") : ""}
        </span>
      </button>
    </div>
  );
}
