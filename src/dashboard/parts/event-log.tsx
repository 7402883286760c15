import type { JSX } from "preact";
import { type Event, EventKind } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatTime } from "../page-figures.ts";
import { usePage } from "../state/page-state.ts";
import { modelHref } from "../state/route.ts";
import { ScrollArea } from "./scroll-area.tsx";

/** What happened, and whether it is good news. */
const kinds: Partial<Record<EventKind, readonly [text: string, tone: "good" | "bad" | "calm"]>> = {
  [EventKind.RUNTIME_READY]: ["runtime ready", "good"],
  [EventKind.SHUTDOWN_STARTED]: ["shutdown started", "bad"],
  [EventKind.MODELMESH_TOOK_OVER]: ["ModelMesh took over", "calm"],
  [EventKind.MODEL_LOADED]: ["loaded", "good"],
  [EventKind.LOAD_REFUSED]: ["load refused", "bad"],
  [EventKind.LOAD_FAILED]: ["load failed", "bad"],
  [EventKind.LOAD_CANCELLED]: ["load cancelled", "calm"],
  [EventKind.MODEL_UNLOADED]: ["unloaded", "calm"],
  [EventKind.HOST_LOST]: ["host lost", "bad"],
  [EventKind.MODEL_RECOVERED]: ["recovered", "good"],
};

const maxShown = 200;

/** The latest events first, of all models or of those that `concerns` selects. */
export function EventLog({ concerns }: { concerns?: (event: Event) => boolean }): JSX.Element {
  const all = usePage().store.events.value;
  const events = (concerns === undefined ? all : all.filter(concerns)).slice(0, maxShown);
  return (
    <section class="card" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <ScrollArea
        label="Latest events"
        class={`events ${concerns === undefined ? "" : "events-short"}`}
      >
        {events.length === 0 && <p class="muted">None yet.</p>}
        <ol>
          {events.map((event) => (
            <EventLine key={`${event.number}`} event={event} />
          ))}
        </ol>
      </ScrollArea>
    </section>
  );
}

function EventLine({ event }: { event: Event }): JSX.Element {
  const { modelId, modelVersion, reason, timeMs } = event;
  const [text, tone] = kinds[event.kind] ?? ["unknown event", "calm"];
  return (
    <li>
      <time class="muted">{formatTime(timeMs)}</time>
      <span class={`tone tone-${tone}`}>{text}</span>
      <span class="what">
        {modelId !== "" && (
          <a href={modelHref(modelId, modelVersion)}>
            {modelId}
            {modelVersion !== "" && <small> v{modelVersion}</small>}
          </a>
        )}
        {reason !== "" && <span class="reason">{reason}</span>}
      </span>
    </li>
  );
}
