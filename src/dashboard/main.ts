import "uplot/dist/uPlot.min.css";
import "./styles/main.css";
import { render } from "preact";
import { App } from "./parts/app.tsx";
import { PageContext, startPageState } from "./state/page-state.ts";

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(
    <PageContext.Provider value={startPageState()}>
      <App />
    </PageContext.Provider>,
    root,
  );
}
