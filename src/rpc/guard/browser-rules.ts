import { isIP } from "node:net";

/** The pages for which browsers may call. */
export interface BrowserRules {
  /** Origins of other servers whose pages may call, as browsers write them: "https://ops.example.com". */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names of this server, in lower case, besides localhost and addresses. */
  readonly allowedHosts: ReadonlySet<string>;
}

/** The part of a request that tells a browser from other clients, and one page from another. */
export interface BrowserMarks {
  /** Host or :authority, with the port, as received. */
  readonly authority: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly userAgent: string | undefined;
  readonly method: string;
}

/** Why a browser's request is refused; undefined if it is allowed, as all requests of other clients are.
 *  Pages must not use a visitor's browser as a way in, so there are two questions. Does the browser know this
 *  server by one of our names? A page may let its own name resolve to our address (DNS rebinding), and the
 *  browser then takes us for the page's own server. And may the page that caused the request call us?
 *  Browsers send some requests to any server without asking it first. */
export function refusalOf(marks: BrowserMarks, rules: BrowserRules): string | undefined {
  if (!isFromBrowser(marks)) return undefined;
  const host = hostnameOf(marks.authority);
  if (host === undefined || !isOurName(host, rules)) {
    return `browsers may not call this server as '${host ?? ""}': add the name to ALLOWED_HOSTS`;
  }
  const { origin, fetchSite } = marks;
  if (origin !== undefined) {
    if (isSameOrigin(origin, marks.authority) || rules.allowedOrigins.has(origin)) return undefined;
    return `pages of ${origin.slice(0, 200)} may not call this server: add the origin to CORS_ORIGINS`;
  }
  // Without an origin: following a link is fine, but a page of another site may not fetch an image or a
  // script.
  const fromElsewhere = fetchSite === "cross-site" || fetchSite === "same-site";
  // Submitting another site's form is a navigation too.
  const isLink = marks.fetchMode === "navigate" && /^(GET|HEAD)$/.test(marks.method);
  if (fromElsewhere && !isLink) {
    return "pages of other sites may not fetch from this server";
  }
  return undefined;
}

// Sec-Fetch-* only come with requests to localhost and over TLS, and Origin only with POST: a read after DNS
// rebinding may carry neither.
function isFromBrowser({ origin, fetchSite, userAgent }: BrowserMarks): boolean {
  return origin !== undefined || fetchSite !== undefined || /^Mozilla\//.test(userAgent ?? "");
}

// DNS cannot change where an address leads.
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

// Requests through a proxy that terminates TLS have https in their origin. Only the default port depends on
// the scheme.
function isSameOrigin(origin: string, authority: string | undefined): boolean {
  const from = URL.parse(origin);
  if (from === null || !/^https?:$/.test(from.protocol)) return false;
  return from.host === URL.parse(`${from.protocol}//${authority}`)?.host;
}
