import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { refuseOtherMethods } from "./rest-route.ts";

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Modelport: the Open Inference Protocol</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/swagger-initializer.js"></script>
  </body>
</html>
`;

// The validator of Swagger UI is a service on the internet; null turns it off.
const initializer = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
`;

/** What the page may do: run and show what this server sends, and call this server. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

interface StaticFile {
  readonly contentType: string;
  readonly read: () => Promise<Buffer>;
}

const text = (contentType: string, content: string): StaticFile => ({
  contentType,
  read: async () => Buffer.from(content),
});
const library = import.meta.resolve("swagger-ui-dist/package.json");
const fromLibrary = (contentType: string, name: string): StaticFile => ({
  contentType,
  read: () => readFile(new URL(name, library)),
});

const html = "text/html; charset=utf-8";
const javascript = "text/javascript; charset=utf-8";
const css = "text/css; charset=utf-8";
/** All that is served, so that no path of a request ever becomes a path of a file. */
const files: Readonly<Record<string, StaticFile>> = {
  "/docs": text(html, page),
  "/docs/swagger-initializer.js": text(javascript, initializer),
  "/docs/swagger-ui-bundle.js": fromLibrary(javascript, "swagger-ui-bundle.js"),
  "/docs/swagger-ui.css": fromLibrary(css, "swagger-ui.css"),
  "/docs/favicon-32x32.png": fromLibrary("image/png", "favicon-32x32.png"),
};

/** GET /docs: a page to read and try /openapi.json with. It needs nothing of the internet. `scope` is one
 *  of REST (see restScope) whose prefix is /v2. */
export function docsPage(scope: FastifyInstance): void {
  for (const [path, file] of Object.entries(files)) {
    const load = once(() => prepare(file));
    scope.get(path, async (request, reply) => sendFile(request, reply, await load()));
    refuseOtherMethods(scope, path, ["GET"]);
  }
  // Relative, because a proxy may have put all paths under another.
  scope.get("/docs/", (_request, reply) => reply.redirect("../docs", 308));
  refuseOtherMethods(scope, "/docs/", ["GET"]);
}

interface PreparedFile {
  readonly contentType: string;
  readonly gzipped: Buffer;
  readonly plain: Buffer;
  readonly etag: string;
}

async function prepare(file: StaticFile): Promise<PreparedFile> {
  const plain = await file.read();
  const gzipped = await promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION });
  const hash = createHash("sha256").update(plain).digest("base64url");
  // Weak: the same tag stands for the compressed form.
  return { contentType: file.contentType, plain, gzipped, etag: `W/"${hash}"` };
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PreparedFile): FastifyReply {
  reply.headers({
    "content-type": file.contentType,
    "cache-control": "no-cache",
    "content-security-policy": contentSecurityPolicy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    vary: "accept-encoding",
    etag: file.etag,
  });
  if (namesTag(request.headers["if-none-match"], file.etag)) return reply.code(304).send();
  if (!acceptsGzip(request.headers["accept-encoding"])) return reply.send(file.plain);
  return reply.header("content-encoding", "gzip").send(file.gzipped);
}

function namesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((tag) => tag.trim() === etag || tag.trim() === "*");
}

function acceptsGzip(acceptEncoding: string | string[] | undefined): boolean {
  return String(acceptEncoding ?? "")
    .split(",")
    .some((coding) => /^\s*gzip\s*(;\s*q=(1|0?\.\d*[1-9]).*)?$/i.test(coding));
}

/** `make`, run at most once at a time and not again after it has succeeded. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
