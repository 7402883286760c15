export type Route =
  | { readonly tag: "overview" }
  | { readonly tag: "model"; readonly id: string; readonly version: string };

/** What the part of the address after # names; the server never sees that part. */
export function readRoute(hash: string): Route {
  const [, id, version] = /^#\/models\/([^/]+)(?:\/([^/]+))?$/.exec(hash) ?? [];
  try {
    if (id !== undefined) {
      return {
        tag: "model",
        id: decodeURIComponent(id),
        version: decodeURIComponent(version ?? ""),
      };
    }
  } catch {
    // Escapes that are none.
  }
  return { tag: "overview" };
}

/** Address of the page on a model; see readRoute. */
export function modelHref(id: string, version: string): string {
  const tail = version === "" ? "" : `/${encodeURIComponent(version)}`;
  return `#/models/${encodeURIComponent(id)}${tail}`;
}
