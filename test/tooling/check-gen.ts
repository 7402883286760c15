import { cpSync, existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./command.ts";
import { inTemporaryFolder } from "./temporary-folder.ts";

/** Folders that hold proto/ and the gen/ that is made of it. */
const parents = [".", "test/conformance"];

/** Whether every gen/ is exactly what `npm run generate` makes of the proto/ beside it: one line per
 *  missing, stale or extra file. Generates in a temporary copy, so that the tree stays as it is. `tools`:
 *  where node_modules is. */
export async function checkGen(root: string, tools = root): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    const problems: string[] = [];
    for (const source of ["buf.yaml", "buf.gen.yaml"])
      cpSync(join(root, source), join(folder, source));
    for (const parent of parents) {
      const [proto, gen] = [join(parent, "proto"), join(parent, "gen")];
      if (!existsSync(join(root, proto)) && !existsSync(join(root, gen))) continue;
      cpSync(join(root, proto), join(folder, proto), { recursive: true });
      const command = ["buf", "generate", proto, "--output", parent] as const;
      const { status, stdout, stderr } = await runTool(tools, command, folder);
      if (status !== 0) return [`buf generate failed: ${stdout}${stderr}`];
      problems.push(...compareTrees({ root, folder, proto, gen }));
    }
    return problems.length === 0
      ? []
      : [...problems, "run `npm run generate` and commit the result"];
  });
}

/** Compares `root`/`gen`, which is committed, with `folder`/`gen`, which is fresh. */
function compareTrees(trees: {
  readonly root: string;
  readonly folder: string;
  readonly proto: string;
  readonly gen: string;
}): string[] {
  const [committed, generated] = [join(trees.root, trees.gen), join(trees.folder, trees.gen)];
  const paths = new Set([...filesUnder(committed), ...filesUnder(generated)]);
  return [...paths].sort().flatMap((path) => {
    const name = join(trees.gen, path);
    const [old, fresh] = [join(committed, path), join(generated, path)];
    if (!existsSync(old)) return [`${name} is missing`];
    if (!existsSync(fresh)) return [`${name} is extra: no file in ${trees.proto}/ makes it`];
    return readFileSync(old).equals(readFileSync(fresh)) ? [] : [`${name} is stale`];
  });
}

function filesUnder(folder: string): string[] {
  return globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
