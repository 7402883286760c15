import "uplot/dist/uPlot.min.css";
import "./styles/main.css";
import { startPageState } from "./state/page-state.ts";

// Contacts the server first: until it responds, the browser prepares what shows the response.
const state = startPageState();
const root = document.getElementById("app");
if (root !== null) {
  const { showPage } = await import("./parts/show-page.tsx");
  showPage(state, root);
}
