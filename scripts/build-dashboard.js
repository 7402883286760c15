// `npm run build:dashboard`: makes dist/dashboard, from which the server serves its page, unless it is there
// already and nothing of what it is made of has changed. Runs before `npm start`, so it must also pass where
// the tools of development are not installed.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import requireNode from "../src/require-node.cjs";

requireNode();

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = fileURLToPath(new URL("../dist/dashboard/", import.meta.url));
try {
  import.meta.resolve("esbuild");
  process.stdout.write(`${await upToDate()}\n`);
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !/esbuild/.test(error.message)) throw error;
  const left = existsSync(folder) ? "it stays as it is" : "the server will say so at /";
  process.stdout.write(`esbuild is not installed, so the dashboard cannot be built: ${left}\n`);
}

async function upToDate() {
  // Dynamic, since an old Node cannot read these files; the bundler only where it has work to do.
  const { currentReport } = await import("./build-record.ts");
  const report = await currentReport(root, folder);
  if (report !== undefined) return report;
  const { buildDashboard } = await import("./dashboard-bundle.ts");
  return await buildDashboard(root, folder);
}
