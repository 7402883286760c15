import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type ModelRow, modelRows } from "./model-rows.ts";
import { RepositoryIndex } from "./repository-index.ts";
import { type Route, readRoute } from "./route.ts";
import { RuntimeStore } from "./runtime-store.ts";
import { RuntimeWatch } from "./watch-runtime.ts";

/** Everything that the parts of the page read. */
export interface PageState {
  readonly store: RuntimeStore;
  readonly watch: RuntimeWatch;
  readonly rows: ReadonlySignal<readonly ModelRow[]>;
  readonly route: Signal<Route>;
}

/** Starts to watch the server. */
export function startPageState(): PageState {
  const store = new RuntimeStore();
  const watch = new RuntimeWatch(store);
  const repository = new RepositoryIndex();
  void watch.run();
  repository.follow(store);
  // A computer that wakes up, or a network that is back: no need to wait for the next try.
  addEventListener("online", () => watch.retryNow());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") watch.retryNow();
  });
  return {
    store,
    watch,
    rows: computed(() => modelRows(store.models.value, repository.unloaded.value)),
    route: followRoute(),
  };
}

export const PageContext = createContext<PageState | undefined>(undefined);

export function usePage(): PageState {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error("no PageContext around this part");
  return page;
}

/** The route of the window, from now on. */
function followRoute(): Signal<Route> {
  const route = signal(readRoute(location.hash));
  addEventListener("hashchange", () => {
    route.value = readRoute(location.hash);
    scrollTo(0, 0);
  });
  return route;
}
