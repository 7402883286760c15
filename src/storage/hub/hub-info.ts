import { RuntimeError } from "../../base/errors.ts";
import { normalize } from "../contract/object-listing.ts";

/** One commit of a repository of the hub. */
export interface HubInfo {
  /** The commit's full hash. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

export interface HubFile {
  readonly path: string;
  /** Undefined if the server does not say; mirrors often do not. */
  readonly sizeBytes: number | undefined;
  /** Of the content. */
  readonly sha256: string | undefined;
  /** As git names the content. */
  readonly blobId: string | undefined;
}

const maxFiles = 100_000;

/** Reads the response of `/api/models/ID/revision/REVISION?blobs=true`. Throws "failed-precondition" if it does not
 *  speak of a commit, "invalid-argument" if a name in it cannot be one of a local file. */
export function readHubInfo(body: Buffer, what: string): HubInfo {
  const refuse = (problem: string) =>
    new RuntimeError(
      "failed-precondition",
      `what the hub says of ${what} cannot be read: ${problem}`,
    );
  let fields: Record<string, unknown>;
  try {
    fields = toRecord(JSON.parse(body.toString("utf8")));
  } catch {
    throw refuse("it is not JSON");
  }
  const { sha, siblings } = fields;
  if (typeof sha !== "string" || !/^[\da-f]{40}(?:[\da-f]{24})?$/.test(sha)) {
    throw refuse("it names no commit");
  }
  if (!Array.isArray(siblings)) throw refuse("it lists no files");
  if (siblings.length > maxFiles) throw refuse(`it lists more than ${maxFiles} files`);
  return { commit: sha, files: siblings.map((each) => readFile(toRecord(each), what)) };
}

function readFile(fields: Record<string, unknown>, what: string): HubFile {
  const name = fields["rfilename"];
  const path = typeof name === "string" ? normalize(name, what) : "";
  if (path === "" || path !== name) {
    throw new RuntimeError("invalid-argument", `${what} lists a file without a usable name`);
  }
  const lfs = toRecord(fields["lfs"]);
  return {
    path,
    sizeBytes: toSize(lfs["size"]) ?? toSize(fields["size"]),
    sha256: toHash(lfs["sha256"], 64) ?? toHash(lfs["oid"], 64),
    // Of a large file, it is that of the text that stands for it.
    blobId: fields["lfs"] == null ? toHash(fields["blobId"], 40) : undefined,
  };
}

function toSize(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function toHash(value: unknown, length: number): string | undefined {
  const isHash = typeof value === "string" && value.length === length && /^[\da-f]+$/.test(value);
  return isHash ? value : undefined;
}

function toRecord(value: unknown): Record<string, unknown> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : {};
}
