import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");

/** Compiles the program into `folder`, with a file for each part that is loaded by itself, and the generated
 *  code, which is the package's library, into `folder`/gen, with its types. */
export async function bundleProgram(folder: string): Promise<void> {
  await build({
    absWorkingDir: root,
    // The entries of hosts and threads lie beside the code that starts them, under these names.
    entryPoints: {
      cli: "src/cli.ts",
      "host-main": "src/engine/child/host-main.ts",
      "file-thread-main": "src/engine/files/file-thread-main.ts",
      "poll-thread-main": "src/storage/polling/poll-thread-main.ts",
      "translator-main": "src/engine/translator/translator-main.ts",
      "signing-thread-main": "src/signing/check/signing-thread-main.ts",
      "codec-thread-main": "src/rpc/codec-thread/codec-thread-main.ts",
      "payload-thread-main": "src/rpc/payload-log/sinks/payload-thread-main.ts",
    },
    outdir: folder,
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.18",
    packages: "external",
    legalComments: "none",
    plugins: [outsideOfBundle],
    logLevel: "warning",
  });
  // Old Nodes must be able to read these, so nothing is done to them.
  for (const file of ["modelport.js", "require-node.cjs"]) {
    cpSync(join(root, "src", file), join(folder, file));
  }
  compileGenerated(join(folder, "gen"));
}

/** What stays a file of its own. All files of the bundle lie in one folder, so that one path fits. */
const outsideOfBundle: Plugin = {
  name: "outside-of-bundle",
  setup({ onResolve }) {
    onResolve({ filter: /\/gen\/.*_pb\.ts$/ }, ({ path }) => ({
      path: path.replace(/^.*\/gen\/(.*)\.ts$/, "./gen/$1.js"),
      external: true,
    }));
    onResolve({ filter: /^\.\.\/package\.json$/ }, ({ path }) => ({ path, external: true }));
  },
};

function compileGenerated(folder: string): void {
  const options = ["--outDir", folder, "--project", join(root, "scripts/tsconfig.package.json")];
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options], {
    stdio: "inherit",
  });
}
