// `npm run bench:memory [-- --write] [-- --only TEXT]`: what is reported for a model's memory before and
// after its load, compared with what its host holds after runs of many rows. `--write` puts the table into
// docs/memory.md. Exits with 1 if a kind breaks the promise and is not a known exception.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { replaceSection } from "../docs-section.ts";
import { denseKinds } from "./dense.ts";
import { imageKinds } from "./images.ts";
import { type KindMemory, measureKind } from "./measure-kind.ts";
import { otherKinds } from "./others.ts";
import { renderExceptions, renderTable, verdictOf } from "./render-table.ts";
import { sequenceKinds } from "./sequences.ts";

const { values } = parseArgs({
  options: { write: { type: "boolean" }, only: { type: "string", default: "" } },
});
const kinds = [...denseKinds, ...imageKinds, ...sequenceKinds, ...otherKinds].filter(({ name }) =>
  name.includes(values.only),
);
const directory = await mkdtemp(join(tmpdir(), "modelport-memory-"));
const rows: KindMemory[] = [];
try {
  for (const kind of kinds) {
    const row = await measureKind(kind, directory);
    rows.push(row);
    process.stderr.write(`${renderTable([row]).split("\n").at(-1)}\n`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
const exceptions = renderExceptions(rows);
const table = `${renderTable(rows)}${exceptions === "" ? "" : `\n\nNot within the promise:\n\n${exceptions}`}`;
process.stdout.write(`${table}\n`);
if (values.write === true) {
  const page = new URL("../../docs/memory.md", import.meta.url);
  await writeFile(page, replaceSection(await readFile(page, "utf8"), table));
}
if (rows.some((row) => verdictOf(row) === "no")) process.exitCode = 1;
