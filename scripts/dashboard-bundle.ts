import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { recordBuild } from "./build-record.ts";

/** The whole page as it travels by gzip, which every browser takes. */
const limitBytes = 150_000;

/** What the first sight of the page takes, beside what it names itself. */
const firstPart = "src/dashboard/parts/show-page.tsx";

const contentTypes: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
};

/** Beside the modules that the bundler has read, what makes another page if it changes. */
const tools = [
  fileURLToPath(import.meta.resolve("esbuild/package.json")),
  ...["./dashboard-bundle.ts", "./build-record.ts"].map((path) =>
    fileURLToPath(import.meta.resolve(path)),
  ),
];
const settings = ["package-lock.json", "tsconfig.json", "src/dashboard/tsconfig.json"];
const template = "src/dashboard/index.html";

interface Built {
  readonly name: string;
  readonly plainBytes: number;
  readonly gzipBytes: number;
  readonly brotliBytes: number;
}

interface Output {
  readonly name: string;
  readonly content: Buffer;
}

/** Bundles src/dashboard of `root` into `folder`, in place of what was there, with compressed forms of each
 *  file and a record of it all. Returns what it made, for people. Throws if the page has grown above its
 *  limit. */
export async function buildDashboard(root: string, folder: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/dashboard/main.ts"],
    outdir: folder,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    tsconfig: join(root, "src/dashboard/tsconfig.json"),
  });
  const outputs = outputFiles.map(
    ({ path, contents }): Output => ({ name: basename(path), content: Buffer.from(contents) }),
  );
  const scripts = outputs.filter(({ name }) => extname(name) === ".js");
  const style = outputs.find(({ name }) => extname(name) === ".css")?.content.toString() ?? "";
  const page = pageOf(await readFile(join(root, template), "utf8"), style, metafile);
  // Built beside, so that a server never finds half of it.
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder.replace(/\/$/, "")}.new-`);
  try {
    const files = [...scripts, { name: "index.html", content: Buffer.from(page) }];
    const built = await Promise.all(files.map((file) => writeForms(fresh, file)));
    const manifest = {
      page: { name: "index.html", styleHash: hashOf(style) },
      assets: scripts.map(({ name }) => ({ name, contentType: contentTypes[extname(name)] })),
    };
    await writeFile(join(fresh, "manifest.json"), JSON.stringify(manifest));
    const gzipBytes = sum(built.map((file) => file.gzipBytes));
    if (gzipBytes > limitBytes) {
      throw new Error(`the dashboard takes ${gzipBytes} bytes compressed, more than ${limitBytes}`);
    }
    const report = describe(built);
    await recordBuild(fresh, {
      root,
      sources: [...Object.keys(metafile.inputs), template, ...settings, ...tools],
      outputs: ["manifest.json", ...files.flatMap(({ name }) => forms.map((form) => name + form))],
      report,
    });
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return report;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** The page as it is served: with its style sheet, since it cannot be painted without, and with word of
 *  every script of its first sight, so that none of them waits for another. */
function pageOf(html: string, style: string, { outputs }: Metafile): string {
  const nameOf = (entryPoint: string) => {
    const found = Object.entries(outputs).find(([, output]) => output.entryPoint === entryPoint);
    if (found === undefined) throw new Error(`nothing was made of ${entryPoint}`);
    return found[0];
  };
  const main = nameOf("src/dashboard/main.ts");
  const early = [main, nameOf(firstPart)];
  // Grows while it is walked, by what its members import.
  for (const name of early) {
    const imported = outputs[name]?.imports.filter(({ kind }) => kind === "import-statement");
    for (const { path } of imported ?? []) if (!early.includes(path)) early.push(path);
  }
  const address = (name: string) => `dashboard/${basename(name)}`;
  const preloads = early
    .filter((name) => name !== main)
    .map((name) => `<link rel="modulepreload" href="${address(name)}">`);
  return html
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/^( *)(<script .*)main\.ts/m, (_, indent: string, script: string) =>
      [...preloads, `${script}${address(main)}`].map((line) => indent + line).join("\n"),
    );
}

const forms = ["", ".gz", ".br"];

async function writeForms(folder: string, { name, content }: Output): Promise<Built> {
  const compressed = await Promise.all([
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
    promisify(brotliCompress)(content, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
  ]);
  const contents = [content, ...compressed];
  await Promise.all(
    forms.map((form, at) => writeFile(join(folder, name + form), contents[at] ?? "")),
  );
  const [gzipped, brotli] = compressed;
  return {
    name,
    plainBytes: content.length,
    gzipBytes: gzipped.length,
    brotliBytes: brotli.length,
  };
}

/** As a Content-Security-Policy names an element of the page. */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function describe(built: readonly Built[]): string {
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  const line = ({ name, plainBytes, gzipBytes, brotliBytes }: Built) =>
    `${name.padEnd(24)} ${kB(plainBytes).padStart(9)}, gzip ${kB(gzipBytes)}, brotli ${kB(brotliBytes)}`;
  const total: Built = {
    name: "the whole page",
    plainBytes: sum(built.map((file) => file.plainBytes)),
    gzipBytes: sum(built.map((file) => file.gzipBytes)),
    brotliBytes: sum(built.map((file) => file.brotliBytes)),
  };
  return [...built, total].map(line).join("\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
