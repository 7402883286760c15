import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatTime } from "../page-figures.ts";
import { usePage } from "../state/page-state.ts";

/** One word on whether the figures are live. */
export function ConnectionPill(): JSX.Element {
  const { tag } = usePage().watch.connection.value;
  const words = { live: "Live", connecting: "Connecting", lost: "Disconnected" };
  return (
    <span class={`pill pill-${tag}`} role="status" data-connection={tag}>
      {words[tag]}
    </span>
  );
}

/** Covers the bottom of the page while the server is unreachable, so that nothing moves. */
export function ConnectionNotice(): JSX.Element {
  const { watch } = usePage();
  const connection = watch.connection.value;
  const isLost = connection.tag === "lost";
  useEffect(() => {
    document.documentElement.classList.toggle("stale", isLost);
  }, [isLost]);
  return (
    <div class="notices" role="alert">
      {isLost && (
        <div class="notice">
          <p>
            <strong>Not connected to Modelport.</strong>{" "}
            {watch.heardMs.value > 0 &&
              `These figures are from ${formatTime(watch.heardMs.value)}. `}
            <span class="muted">{connection.reason}</span>
          </p>
          <button type="button" onClick={() => watch.retryNow()}>
            Try now
          </button>
          {/* Read out once a second, it would be a nuisance. */}
          <span class="countdown" aria-hidden="true">
            <Countdown untilMs={connection.retryAtMs} />
          </span>
        </div>
      )}
    </div>
  );
}

function Countdown({ untilMs }: { untilMs: number }): JSX.Element {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  return <>{seconds > 0 ? `Next try in ${seconds} s` : "Trying …"}</>;
}
