import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import { refuseOtherMethods } from "../rest/add-route.ts";
import { prepareStaticFile, sendStaticFile } from "./static-file.ts";

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

// Swagger UI's validator is a service on the internet; null disables it.
const initializer = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
`;

interface Source {
  readonly contentType: string;
  readonly read: () => Promise<Buffer>;
}

const text = (contentType: string, content: string): Source => ({
  contentType,
  read: async () => Buffer.from(content),
});
const library = import.meta.resolve("swagger-ui-dist/package.json");
const fromLibrary = (contentType: string, name: string): Source => ({
  contentType,
  read: () => readFile(new URL(name, library)),
});

const html = "text/html; charset=utf-8";
const javascript = "text/javascript; charset=utf-8";
const css = "text/css; charset=utf-8";
/** Only these files are served, so a request's path is never used as a file path. */
const files: Readonly<Record<string, Source>> = {
  "/docs": text(html, page),
  "/docs/swagger-initializer.js": text(javascript, initializer),
  "/docs/swagger-ui-bundle.js": fromLibrary(javascript, "swagger-ui-bundle.js"),
  "/docs/swagger-ui.css": fromLibrary(css, "swagger-ui.css"),
  "/docs/favicon-32x32.png": fromLibrary("image/png", "favicon-32x32.png"),
};

/** GET /docs: a page to read /openapi.json and try it out. It needs no internet access. `scope` is a REST scope
 *  (see restScope) with the prefix /v2. */
export function docsPage(scope: FastifyInstance): void {
  for (const [path, file] of Object.entries(files)) {
    const load = once(async () => prepareStaticFile(file.contentType, await file.read()));
    scope.get(path, async (request, reply) => sendStaticFile(request, reply, await load()));
    refuseOtherMethods(scope, { url: path, methods: ["GET"] });
  }
  // Relative, because a proxy may have put all paths below a prefix.
  scope.get("/docs/", (_request, reply) => reply.redirect("../docs", 308));
  refuseOtherMethods(scope, { url: "/docs/", methods: ["GET"] });
}

/** Runs `make` at most once at a time, and not again after it has succeeded. */
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
