import type { JSX } from "preact";
import { EventLog } from "./event-log.tsx";
import { HostList } from "./host-list.tsx";
import { MemoryBar } from "./memory-bar.tsx";
import { ModelTable } from "./model-table.tsx";
import { RuntimeDetails } from "./runtime-facts.tsx";
import { TrafficCharts } from "./traffic-charts.tsx";

/** Everything at a glance. */
export function Overview(): JSX.Element {
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <MemoryBar />
      <TrafficCharts title="Traffic of all models" />
      <ModelTable />
      <div class="columns">
        <EventLog />
        <div class="stack">
          <HostList />
          <RuntimeDetails />
        </div>
      </div>
    </>
  );
}
