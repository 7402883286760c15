import { join } from "node:path";
import { build } from "esbuild";

const fields = ["status", "capacity", "health", "inputs", "outputs", "label", "probabilities"];

/** HTML of the test page with its script. `request`: JSON of the ModelInferRequest that it sends. */
export async function buildPage(request: string): Promise<string> {
  const script = await bundleForBrowser(join(import.meta.dirname, "page-script.ts"));
  const rows = [...fields, "failure"].map((id) => `<dt>${id}</dt><dd id="${id}"></dd>`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>gRPC-Web</title><link rel="icon" href="data:,"></head>
<body data-state="running">
<h1>gRPC-Web from a browser</h1>
<dl>${rows.join("\n")}</dl>
<script type="application/json" id="request">${inScript(request)}</script>
<script type="module">${inScript(script)}</script>
</body>
</html>`;
}

/** The text of a module that holds `entry` and all that it imports. */
export async function bundleForBrowser(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
}

/** Text that cannot end the script element that holds it. */
function inScript(text: string): string {
  return text.replaceAll("</script", "<\\/script");
}
