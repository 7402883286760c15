import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";

/** What our pages may do: run and show what this server sends, and call this server. Of inline styles, only the
 *  one with this hash. */
function contentSecurityPolicy(styleHash: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${styleHash === undefined ? "" : ` '${styleHash}'`}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** A file with all of its encodings. */
export interface StaticFile {
  readonly contentType: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  /** Absent if it was not compressed that well. */
  readonly brotli?: Buffer;
  readonly etag: string;
  /** The hash of an inline style sheet, as a Content-Security-Policy names it: "sha256-…". */
  readonly styleHash?: string;
  /** Whether its name changes with its content, so that it can be cached forever. */
  readonly immutable: boolean;
}

/** A file that clients revalidate each time, compressed as well as gzip can. */
export async function prepareStaticFile(contentType: string, plain: Buffer): Promise<StaticFile> {
  const gzipped = await promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION });
  return { contentType, plain, gzipped, etag: etagOf(plain), immutable: false };
}

/** Weak: the same tag stands for the compressed encodings. */
export function etagOf(plain: Buffer): string {
  return `W/"${createHash("sha256").update(plain).digest("base64url")}"`;
}

/** Responds with `file` in the best encoding that the client accepts, or with 304 if the client has it. */
export function sendStaticFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: StaticFile,
): FastifyReply {
  reply.headers({
    "content-type": file.contentType,
    "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": contentSecurityPolicy(file.styleHash),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    etag: file.etag,
  });
  addVary(reply, "accept-encoding");
  if (namesTag(request.headers["if-none-match"], file.etag)) return reply.code(304).send();
  const accepted = request.headers["accept-encoding"];
  if (file.brotli !== undefined && accepts(accepted, "br")) {
    return reply.header("content-encoding", "br").send(file.brotli);
  }
  if (accepts(accepted, "gzip")) {
    return reply.header("content-encoding", "gzip").send(file.gzipped);
  }
  return reply.send(file.plain);
}

/** Records that the response depends on the request header `name` too. */
export function addVary(reply: FastifyReply, name: string): void {
  const before = reply.getHeader("vary");
  reply.header("vary", before === undefined ? name : `${before}, ${name}`);
}

function namesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((tag) => tag.trim() === etag || tag.trim() === "*");
}

function accepts(acceptEncoding: string | string[] | undefined, wanted: string): boolean {
  return String(acceptEncoding ?? "")
    .split(",")
    .some((offer) => {
      const [coding = "", ...parameters] = offer.split(";").map((part) => part.trim());
      if (coding.toLowerCase() !== wanted) return false;
      return !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
    });
}
