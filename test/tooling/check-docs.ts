import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generatedPages } from "../../scripts/generated-pages.ts";

/** Whether the generated parts of docs/ are what the code makes them. */
export function checkDocs(root: string): string[] {
  return Object.entries(generatedPages)
    .filter(([name, generate]) => {
      const page = readFileSync(join(root, name), "utf8");
      return generate(page) !== page;
    })
    .map(([name]) => `${name} is stale: run \`npm run generate:docs\` and commit the result`);
}
