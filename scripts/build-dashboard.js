// `npm run build:dashboard`: makes dist/dashboard, from which the server serves its page. Runs before
// `npm start`, so it must also pass where the tools of development are not installed.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import requireNode from "../src/require-node.cjs";

requireNode();

const folder = fileURLToPath(new URL("../dist/dashboard/", import.meta.url));
try {
  import.meta.resolve("esbuild");
  // Dynamic, since an old Node cannot read this file.
  const { buildDashboard } = await import("./dashboard-bundle.ts");
  process.stdout.write(`${await buildDashboard(folder)}\n`);
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !/esbuild/.test(error.message)) throw error;
  const left = existsSync(folder) ? "it stays as it is" : "the server will say so at /";
  process.stdout.write(`esbuild is not installed, so the dashboard cannot be built: ${left}\n`);
}
