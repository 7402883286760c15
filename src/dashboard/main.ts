import "uplot/dist/uPlot.min.css";
import "./styles/main.css";
import { startPageState } from "./state/page-state.ts";

// Asks the server first: while it answers, the browser makes ready what shows the answer.
const state = startPageState();
const root = document.getElementById("app");
if (root !== null) {
  const { showPage } = await import("./parts/show-page.tsx");
  showPage(state, root);
}
