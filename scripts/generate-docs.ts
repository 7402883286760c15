// Writes the parts of docs/ that the code is the source of.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateReference } from "./configuration-page.ts";

const file = join(import.meta.dirname, "../docs/configuration.md");
writeFileSync(file, generateReference(readFileSync(file, "utf8")));
