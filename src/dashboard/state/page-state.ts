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
  // The computer has woken up, or the network is back: retry at once.
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

/** The window's route, from now on. */
function followRoute(): Signal<Route> {
  const route = signal(readRoute(location.hash));
  addEventListener("hashchange", () => {
    route.value = readRoute(location.hash);
    scrollTo(0, 0);
  });
  return route;
}
