import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { usePage } from "../state/page-state.ts";
import { ConnectionNotice, ConnectionPill } from "./connection.tsx";
import { latePart } from "./late-part.tsx";
import { Overview } from "./overview.tsx";
import { RuntimeFacts } from "./runtime-facts.tsx";
import { TokenButton } from "./token-button.tsx";

const [ModelPage, fetchModelPage] = latePart(
  async () => (await import("./model-page.tsx")).ModelPage,
);

/** After the first paint; earlier, this part would take time from it. */
const fetchAfterMs = 1_000;

/** The whole page: a permanent head, and the part that the route names. */
export function App(): JSX.Element {
  const { route, watch } = usePage();
  const here = route.value;
  const isLive = watch.connection.value.tag === "live";
  useEffect(() => {
    if (!isLive) return;
    const timer = setTimeout(() => void fetchModelPage(), fetchAfterMs);
    return () => clearTimeout(timer);
  }, [isLive]);
  useEffect(() => {
    document.title = here.tag === "model" ? `${here.id} · Modelport` : "Modelport";
  }, [here]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <header class="head">
        <a class="brand" href="#/">
          Modelport
        </a>
        <RuntimeFacts />
        <TokenButton />
        <ConnectionPill />
      </header>
      <main id="main" tabIndex={-1}>
        {here.tag === "model" ? (
          <ModelPage key={`${here.id}\n${here.version}`} id={here.id} version={here.version} />
        ) : (
          <Overview />
        )}
      </main>
      <ConnectionNotice />
    </>
  );
}
