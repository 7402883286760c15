import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generatedPages } from "../../scripts/generated-pages.ts";

/** Whether what the code generates is what it would make now: parts of docs/, the linter's rules, READMEs. */
export function checkDocs(root: string): string[] {
  return Object.entries(generatedPages)
    .filter(([name, generate]) => {
      const file = join(root, name);
      const page = existsSync(file) ? readFileSync(file, "utf8") : "";
      return generate(page) !== page;
    })
    .map(([name]) => `${name} is stale: run \`npm run generate:docs\` and commit the result`);
}
