import { isIP } from "node:net";

/** Whom browsers may act for. */
export interface BrowserRules {
  /** Origins of other servers whose pages may call, as browsers write them: "https://ops.example.com". */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names of this server, lower case, beside localhost and addresses. */
  readonly allowedHosts: ReadonlySet<string>;
}

/** The part of a request that tells a browser from other clients, and one page from another. */
export interface BrowserMarks {
  /** Host or :authority; with the port, as it came. */
  readonly authority: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly userAgent: string | undefined;
  readonly method: string;
}

/** Why what a browser sent is refused; undefined if it may pass, as all that no browser sent. Pages must
 *  not use a visitor's browser as a way in, so there are two questions. Does the browser know this server
 *  by a name that is ours? A page may let its own name resolve to our address (DNS rebinding), and the
 *  browser then takes us for the page's own server. And may the page call that caused the request?
 *  Browsers send some requests to any server without asking it first. */
export function refusalOf(marks: BrowserMarks, rules: BrowserRules): string | undefined {
  if (!isFromBrowser(marks)) return undefined;
  const host = hostnameOf(marks.authority);
  if (host === undefined || !isOurName(host, rules)) {
    return `browsers may not call this server as '${host ?? ""}': ALLOWED_HOSTS lists its names`;
  }
  const { origin, fetchSite } = marks;
  if (origin !== undefined) {
    if (isSameOrigin(origin, marks.authority) || rules.allowedOrigins.has(origin)) return undefined;
    return `pages of ${origin.slice(0, 200)} may not call this server: CORS_ORIGINS lists those that may`;
  }
  // No origin: a link was followed, which is fine, or a page of another site fetches an image or a script.
  const fromElsewhere = fetchSite === "cross-site" || fetchSite === "same-site";
  // A form of another site that is sent is a navigation, too.
  const isLink = marks.fetchMode === "navigate" && /^(GET|HEAD)$/.test(marks.method);
  if (fromElsewhere && !isLink) {
    return "pages of other sites may not fetch from this server";
  }
  return undefined;
}

// Sec-Fetch-* come with requests to localhost and over TLS only, and Origin with POST: what a page reads
// after DNS rebinding may carry neither.
function isFromBrowser({ origin, fetchSite, userAgent }: BrowserMarks): boolean {
  return origin !== undefined || fetchSite !== undefined || /^Mozilla\//.test(userAgent ?? "");
}

// Nobody's DNS can say where an address is.
function isOurName(hostname: string, { allowedHosts }: BrowserRules): boolean {
  return (
    isIP(hostname.replace(/^\[|\]$/g, "")) !== 0 ||
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    allowedHosts.has(hostname)
  );
}

function hostnameOf(authority: string | undefined): string | undefined {
  if (authority === undefined) return undefined;
  return URL.parse(`http://${authority}`)?.hostname.replace(/\.$/, "");
}

// What comes by a proxy that ends TLS has https in its origin. Only the default port depends on the scheme.
function isSameOrigin(origin: string, authority: string | undefined): boolean {
  const from = URL.parse(origin);
  if (from === null || !/^https?:$/.test(from.protocol)) return false;
  return from.host === URL.parse(`${from.protocol}//${authority}`)?.host;
}
