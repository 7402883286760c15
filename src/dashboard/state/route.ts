export type Route =
  | { readonly tag: "overview" }
  | { readonly tag: "model"; readonly id: string; readonly version: string };

/** The part of the address after #, which the server never sees. */
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
    // Invalid escapes.
  }
  return { tag: "overview" };
}

/** The address of a model's page; see readRoute. */
export function modelHref(id: string, version: string): string {
  const tail = version === "" ? "" : `/${encodeURIComponent(version)}`;
  return `#/models/${encodeURIComponent(id)}${tail}`;
}
