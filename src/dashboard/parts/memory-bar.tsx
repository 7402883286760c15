import type { JSX } from "preact";
import type { MemoryDivision } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatBytes, formatMebibytes } from "../../clients/figures.ts";
import type { ModelRow } from "../state/model-rows.ts";
import { usePage } from "../state/page-state.ts";
import { modelHref } from "../state/route.ts";

/** The eye cannot tell more segments apart; the rest becomes one segment. */
const maxSegments = 40;

interface Segment {
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
  readonly kind: "used" | "reserved" | "others" | "free";
  readonly href: string | undefined;
}

/** The runtime's memory: held by models, largest first, reserved by loads, and free. */
export function MemoryBar(): JSX.Element {
  const { store, rows } = usePage();
  const runtime = store.runtime.value;
  const capacity = Number(runtime?.capacityBytes ?? 0);
  const free = Number(runtime?.freeBytes ?? 0);
  const held = heldSegments(rows.value);
  const heldBytes = held.reduce((sum, { bytes }) => sum + bytes, 0);
  const all = [...held, { key: "free", name: "free", bytes: free, kind: "free", href: undefined }];
  const figures = [
    ["Capacity", runtime?.capacityBytes],
    ["Used", runtime?.usedBytes],
    ["Reserved", runtime?.reservedBytes],
    ["Free", runtime?.freeBytes],
  ] as const;
  return (
    <section class="card" aria-labelledby="memory-title">
      <h2 id="memory-title">Memory for models</h2>
      <dl class="figures">
        {figures.map(([name, bytes]) => (
          <div key={name} class={`figure figure-${name.toLowerCase()}`}>
            <dt>{name}</dt>
            <dd>{bytes === undefined ? "–" : formatBytes(bytes)}</dd>
          </div>
        ))}
      </dl>
      <Bar label="Share of the capacity" segments={all as Segment[]} totalBytes={capacity} />
      <p class="caption">
        Share of what is used and reserved
        {heldBytes > 0 && capacity > 0 && <> ({percent(heldBytes / capacity)} of the capacity)</>}
      </p>
      <Bar label="Share of what is used and reserved" segments={held} totalBytes={heldBytes} />
      <ul class="key">
        {held.slice(0, 5).map(({ key, name, bytes, kind, href }, index) => (
          <li key={key}>
            <i class={`swatch segment-${kind} shade-${index % 6}`} />
            {href === undefined ? name : <a href={href}>{name}</a>}{" "}
            <span class="muted">{formatBytes(bytes)}</span>
          </li>
        ))}
        {held.length === 0 && <li class="muted">No model holds memory.</li>}
      </ul>
      <Container memory={runtime?.memory} />
    </section>
  );
}

/** The container's parts beside the capacity. */
function Container({
  memory,
}: {
  readonly memory: MemoryDivision | undefined;
}): JSX.Element | null {
  if (memory === undefined) return null;
  const { containerBytes, modelsBytes, runsBytes, callsBytes, serverBytes, hostsBytes } = memory;
  const parts = [
    ["models", modelsBytes],
    ["runs", runsBytes],
    ["calls", callsBytes],
    ["server", serverBytes],
    ["hosts", hostsBytes],
  ] as const;
  const segments = parts.map(([name, bytes]): Segment => {
    return { key: name, name, bytes: Number(bytes), kind: "used", href: undefined };
  });
  return (
    <>
      <p class="caption">
        Container of {formatMebibytes(containerBytes)}:{" "}
        {parts
          .map(([name, bytes]) => {
            const isUnlimited = name === "runs" && bytes === 0n;
            return `${name} ${isUnlimited ? "without a limit" : formatMebibytes(bytes)}`;
          })
          .join(", ")}
      </p>
      <Bar label="Parts of the container" segments={segments} totalBytes={Number(containerBytes)} />
    </>
  );
}

function Bar(props: {
  readonly label: string;
  readonly segments: readonly Segment[];
  readonly totalBytes: number;
}): JSX.Element {
  const { label, segments, totalBytes } = props;
  const parts = segments.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`);
  return (
    <div
      class="bar"
      role="img"
      aria-label={`${label}: ${parts.slice(0, 8).join(", ") || "nothing"}`}
    >
      {segments.map(({ key, name, bytes, kind }, index) => (
        <span
          key={key}
          class={`segment segment-${kind} shade-${index % 6}`}
          title={`${name}: ${formatBytes(bytes)}`}
          style={{ flexGrow: totalBytes > 0 ? bytes / totalBytes : 0 }}
        />
      ))}
    </div>
  );
}

function heldSegments(rows: readonly ModelRow[]): Segment[] {
  const segments = rows
    .filter(({ status }) => status !== undefined && status.heldBytes > 0n)
    .map(
      ({ key, id, version, status, state }): Segment => ({
        key,
        name: version === "" ? id : `${id} v${version}`,
        bytes: Number(status?.heldBytes ?? 0n),
        kind: state === "queued" || state === "loading" ? "reserved" : "used",
        href: modelHref(id, version),
      }),
    )
    .sort((a, b) => b.bytes - a.bytes);
  const rest = segments.splice(maxSegments);
  if (rest.length === 0) return segments;
  const bytes = rest.reduce((sum, segment) => sum + segment.bytes, 0);
  const name = `${rest.length} smaller models`;
  return [...segments, { key: "others", name, bytes, kind: "others", href: undefined }];
}

function percent(share: number): string {
  const value = share * 100;
  return value < 0.1 ? "less than 0.1 %" : `${value.toFixed(value < 10 ? 1 : 0)} %`;
}
