import { build } from "esbuild";

/** Where the packages lie that esbuild takes parts of into the dashboard. */
export async function pagePackages(root: string): Promise<Set<string>> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/dashboard/main.ts"],
    bundle: true,
    write: false,
    outdir: "unused",
    metafile: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    format: "esm",
    logLevel: "warning",
  });
  const paths = Object.keys(metafile.inputs).flatMap((input) => {
    const [path] = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    return path ?? [];
  });
  return new Set(paths);
}
