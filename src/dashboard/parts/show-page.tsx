import { render } from "preact";
import { PageContext, type PageState } from "../state/page-state.ts";
import { App } from "./app.tsx";

/** Renders the page into `root`, in place of the frame from its HTML. */
export function showPage(state: PageState, root: HTMLElement): void {
  root.replaceChildren();
  render(
    <PageContext.Provider value={state}>
      <App />
    </PageContext.Provider>,
    root,
  );
}
