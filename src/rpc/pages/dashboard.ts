import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { describeError } from "../../base/errors.ts";
import {
  addVary,
  etagOf,
  prepareStaticFile,
  type StaticFile,
  sendStaticFile,
} from "./static-file.ts";

/** The output of scripts/build-dashboard.js, each file with .gz and .br variants beside it. */
interface Manifest {
  readonly page: { readonly name: string; readonly styleHash: string };
  /** Names with a hash of their content, which therefore never changes. */
  readonly assets: readonly { readonly name: string; readonly contentType: string }[];
}

interface Dashboard {
  readonly page: StaticFile;
  /** By name. Only these files are served, so a request's path is never used as a file path. */
  readonly assets: ReadonlyMap<string, StaticFile>;
}

const html = "text/html; charset=utf-8";

const notBuilt = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Modelport</title>
  </head>
  <body>
    <h1>Modelport runs, but its dashboard is not built</h1>
    <p>Run <code>npm run build:dashboard</code> where Modelport is installed, then reload this page.</p>
    <p>Meanwhile <a href="v2/docs">/v2/docs</a> shows and calls everything that is loaded.</p>
  </body>
</html>
`;

/** GET /: the dashboard for browsers, and `about` as JSON for other clients. `folder`: the output of
 *  scripts/build-dashboard.js, if it was built. */
export function dashboard(app: FastifyInstance, folder: string | undefined, about: object): void {
  let loaded: Promise<Dashboard | undefined> | undefined;
  // Once loaded it is kept; until then each request looks again.
  const load = async (): Promise<Dashboard | undefined> => {
    if (folder === undefined) return undefined;
    loaded ??= readDashboard(folder);
    const made = await loaded.catch((error: unknown) => {
      app.log.error({ folder, reason: describeError(error) }, "dashboard not readable");
      return undefined;
    });
    if (made === undefined) loaded = undefined;
    return made;
  };
  app.get("/", async (request, reply) => {
    addVary(reply, "accept");
    if (!wantsPage(request)) return about;
    const page = (await load())?.page;
    if (page !== undefined) return sendStaticFile(request, reply, page);
    return sendNotBuilt(request, reply);
  });
  app.get<{ Params: { name: string } }>("/dashboard/:name", async (request, reply) => {
    const asset = (await load())?.assets.get(request.params.name);
    return asset === undefined ? reply.callNotFound() : sendStaticFile(request, reply, asset);
  });
}

/** Browsers ask for HTML when they open a page; curl and fetch accept anything. */
function wantsPage(request: FastifyRequest): boolean {
  return /(?:^|,)\s*text\/html\s*(?:;|,|$)/i.test(request.headers.accept ?? "");
}

async function sendNotBuilt(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const page = await prepareStaticFile(html, Buffer.from(notBuilt));
  return sendStaticFile(request, reply.code(503).header("retry-after", "5"), page);
}

/** Undefined if it was not built. */
async function readDashboard(folder: string): Promise<Dashboard | undefined> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const read = (name: string, contentType: string, immutable: boolean) =>
    readAsset(join(folder, name), contentType, immutable);
  const { page } = manifest;
  const assets = manifest.assets.map(
    async ({ name, contentType }) => [name, await read(name, contentType, true)] as const,
  );
  return {
    page: { ...(await read(page.name, html, false)), styleHash: page.styleHash },
    assets: new Map(await Promise.all(assets)),
  };
}

async function readAsset(
  path: string,
  contentType: string,
  immutable: boolean,
): Promise<StaticFile> {
  const [plain, gzipped, brotli] = await Promise.all(
    ["", ".gz", ".br"].map((form) => readFile(path + form)),
  );
  if (plain === undefined || gzipped === undefined || brotli === undefined) {
    throw new Error(`${path} is not complete`);
  }
  return { contentType, plain, gzipped, brotli, etag: etagOf(plain), immutable };
}
