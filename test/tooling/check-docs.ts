import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generateReference } from "../../scripts/configuration-page.ts";

/** Whether the reference in docs/ is what the schema of settings makes it. */
export function checkDocs(root: string): string[] {
  const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
  if (generateReference(page) === page) return [];
  return ["docs/configuration.md is stale: run `npm run generate:docs` and commit the result"];
}
