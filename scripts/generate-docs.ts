// Writes what the code is the source of: parts of docs/, the linter's rules, the READMEs of src/.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedPages } from "./generated-pages.ts";

for (const [name, generate] of Object.entries(generatedPages)) {
  const file = join(import.meta.dirname, "..", name);
  writeFileSync(file, generate(existsSync(file) ? readFileSync(file, "utf8") : ""));
}
// What counts the events of the process would keep it.
process.exit();
