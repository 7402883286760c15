import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, type OutputFile } from "esbuild";

const source = fileURLToPath(new URL("../src/dashboard/", import.meta.url));

/** The whole page as it travels by gzip, which every browser takes. */
const limitBytes = 150_000;

const contentTypes: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

interface Built {
  readonly name: string;
  readonly plainBytes: number;
  readonly gzipBytes: number;
  readonly brotliBytes: number;
}

/** Bundles src/dashboard into `folder`, in place of what was there, with compressed forms of each file.
 *  Returns what it made, for people. Throws if the page has grown above its limit. */
export async function buildDashboard(folder: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(source, "main.tsx")],
    outdir: folder,
    entryNames: "app-[hash]",
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    tsconfig: join(source, "tsconfig.json"),
  });
  // Built beside, so that a server never finds half of it.
  const fresh = `${folder.replace(/\/$/, "")}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const page = await pageFor(outputFiles);
  const files = [
    ...outputFiles.map((file) => ({
      name: basename(file.path),
      content: Buffer.from(file.contents),
    })),
    { name: "index.html", content: Buffer.from(page) },
  ];
  const built = await Promise.all(files.map((file) => writeForms(fresh, file)));
  const assets = outputFiles.map((file) => ({
    name: basename(file.path),
    contentType: contentTypes[extensionOf(file)] ?? "application/octet-stream",
  }));
  await writeFile(join(fresh, "manifest.json"), JSON.stringify({ page: "index.html", assets }));
  const gzipBytes = sum(built.map((file) => file.gzipBytes));
  if (gzipBytes > limitBytes) {
    throw new Error(`the dashboard takes ${gzipBytes} bytes compressed, more than ${limitBytes}`);
  }
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  return describe(built);
}

async function pageFor(outputs: readonly OutputFile[]): Promise<string> {
  const template = await readFile(join(source, "index.html"), "utf8");
  const named = (extension: string) => {
    const file = outputs.find((output) => extensionOf(output) === extension);
    if (file === undefined) throw new Error(`the bundle has no .${extension} file`);
    return `dashboard/${basename(file.path)}`;
  };
  return template.replace("main.css", named("css")).replace("main.tsx", named("js"));
}

async function writeForms(
  folder: string,
  { name, content }: { readonly name: string; readonly content: Buffer },
): Promise<Built> {
  const [gzipped, brotli] = await Promise.all([
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
    promisify(brotliCompress)(content, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
  ]);
  const path = join(folder, name);
  await writeFile(path, content);
  await writeFile(`${path}.gz`, gzipped);
  await writeFile(`${path}.br`, brotli);
  return {
    name,
    plainBytes: content.length,
    gzipBytes: gzipped.length,
    brotliBytes: brotli.length,
  };
}

function describe(built: readonly Built[]): string {
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  const line = ({ name, plainBytes, gzipBytes, brotliBytes }: Built) =>
    `${name.padEnd(20)} ${kB(plainBytes).padStart(9)}, gzip ${kB(gzipBytes)}, brotli ${kB(brotliBytes)}`;
  const total: Built = {
    name: "the whole page",
    plainBytes: sum(built.map((file) => file.plainBytes)),
    gzipBytes: sum(built.map((file) => file.gzipBytes)),
    brotliBytes: sum(built.map((file) => file.brotliBytes)),
  };
  return [...built, total].map(line).join("\n");
}

function extensionOf({ path }: OutputFile): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
