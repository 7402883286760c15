import type { JSX } from "preact";
import { HostKind } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatBytes } from "../../clients/figures.ts";
import { usePage } from "../state/page-state.ts";
import { ScrollArea } from "./scroll-area.tsx";

const kinds: Partial<Record<HostKind, string>> = {
  [HostKind.SHARED]: "shared",
  [HostKind.DEDICATED]: "dedicated",
  [HostKind.SPARE]: "spare",
};

/** The processes that hold models. */
export function HostList(): JSX.Element {
  const hosts = usePage().store.runtime.value?.hosts ?? [];
  return (
    <section class="card" aria-labelledby="hosts-title">
      <h2 id="hosts-title">Engine hosts</h2>
      <ScrollArea label="List of engine hosts">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">Kind</th>
              <th scope="col" class="number">
                Models
              </th>
              <th scope="col" class="number">
                Queue
              </th>
              <th scope="col" class="number">
                Memory
              </th>
            </tr>
          </thead>
          <tbody>
            {hosts.map((host) => (
              <tr key={host.pid}>
                <th scope="row">{host.pid}</th>
                <td>{kinds[host.kind] ?? "unknown"}</td>
                <td class="number">{host.models}</td>
                <td class="number">{host.queueLength}</td>
                <td class="number">
                  {host.memoryBytes === undefined ? "–" : formatBytes(host.memoryBytes)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
    </section>
  );
}
