import { cpSync, existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./command.ts";
import { inTemporaryFolder } from "./temporary-folder.ts";

/** Whether gen/ is exactly what `npm run generate` makes of proto/: one line per missing, stale or extra
 *  file. Generates in a temporary copy, so that the tree stays as it is. `tools`: where node_modules is. */
export async function checkGen(root: string, tools = root): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    for (const source of ["proto", "buf.yaml", "buf.gen.yaml"]) {
      cpSync(join(root, source), join(folder, source), { recursive: true });
    }
    const { status, stdout, stderr } = await runTool(tools, ["buf", "generate"], folder);
    if (status !== 0) return [`buf generate failed: ${stdout}${stderr}`];
    const problems = compareTrees(join(root, "gen"), join(folder, "gen"));
    return problems.length === 0 ? [] : [...problems, "run `npm run generate` and commit gen/"];
  });
}

function compareTrees(committed: string, generated: string): string[] {
  const paths = new Set([...filesUnder(committed), ...filesUnder(generated)]);
  return [...paths].sort().flatMap((path) => {
    const [old, fresh] = [join(committed, path), join(generated, path)];
    if (!existsSync(old)) return [`gen/${path} is missing`];
    if (!existsSync(fresh)) return [`gen/${path} is extra: no file in proto/ makes it`];
    return readFileSync(old).equals(readFileSync(fresh)) ? [] : [`gen/${path} is stale`];
  });
}

function filesUnder(folder: string): string[] {
  return globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
