import { createHash } from "node:crypto";
import { RuntimeError } from "../../base/errors.ts";

export interface Descriptor {
  readonly mediaType: string;
  /** "sha256:…" or "sha512:…". */
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly os: string;
  readonly architecture: string;
}

export type Manifest =
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | {
      readonly kind: "manifest";
      readonly artifactType: string;
      readonly configType: string;
      readonly layers: readonly Descriptor[];
    };

const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
/** For the `Accept` header. */
export const acceptedTypes = [...indexTypes, ...manifestTypes].join(", ");
const maxLayers = 10_000;

/** Node's name for the architecture of this machine → the registries'. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Throws "failed-precondition" if `bytes` do not have that digest. */
export function checkDigest(bytes: Uint8Array, digest: string, what: string): void {
  const [algorithm = "", expected] = digest.split(":");
  const found = createHash(algorithm).update(bytes).digest("hex");
  if (found === expected) return;
  throw new RuntimeError(
    "failed-precondition",
    `${what} has the ${algorithm} digest ${found}, expected ${expected}`,
  );
}

export function isDigest(text: string): boolean {
  return /^(?:sha256:[\da-f]{64}|sha512:[\da-f]{128})$/.test(text);
}

/** Reads a manifest or an index. Throws "failed-precondition" for other content. */
export function readManifest(bytes: Buffer, contentType: string, what: string): Manifest {
  const refuse = (problem: string) =>
    new RuntimeError("failed-precondition", `the manifest of ${what} cannot be read: ${problem}`);
  let fields: Record<string, unknown>;
  try {
    fields = toRecord(JSON.parse(bytes.toString("utf8")));
  } catch {
    throw refuse("it is not JSON");
  }
  const type = text(fields["mediaType"]) || (contentType.split(";")[0] ?? "").trim();
  if (indexTypes.includes(type) || Array.isArray(fields["manifests"])) {
    return { kind: "index", manifests: descriptors(fields["manifests"], refuse) };
  }
  if (!Array.isArray(fields["layers"])) {
    throw refuse(`it has the type '${type.slice(0, 100)}', expected ${acceptedTypes}`);
  }
  const layers = descriptors(fields["layers"], refuse);
  if (layers.length > maxLayers) throw refuse(`it has more than ${maxLayers} layers`);
  const configType = text(toRecord(fields["config"])["mediaType"]);
  return { kind: "manifest", artifactType: text(fields["artifactType"]), configType, layers };
}

/** The manifest of an index for this machine, or the only one that is not about another one. */
export function chooseManifest(manifests: readonly Descriptor[], what: string): Descriptor {
  const real = manifests.filter(
    ({ os, annotations }) =>
      os !== "unknown" && annotations["vnd.docker.reference.type"] === undefined,
  );
  const architecture = architectures[process.arch] ?? process.arch;
  const found =
    real.find((each) => each.os === "linux" && each.architecture === architecture) ??
    real.find((each) => each.os === "") ??
    (real.length === 1 ? real[0] : undefined);
  if (found !== undefined) return found;
  const seen = real.map((each) => `${each.os}/${each.architecture}`).slice(0, 20);
  throw new RuntimeError(
    "failed-precondition",
    `${what} is not for linux/${architecture}; seen: ${seen.join(", ") || "nothing"}`,
  );
}

function descriptors(value: unknown, refuse: (problem: string) => RuntimeError): Descriptor[] {
  if (!Array.isArray(value)) throw refuse("it has no list of contents");
  return value.map((each) => {
    const fields = toRecord(each);
    const { digest, size } = fields;
    if (typeof digest !== "string" || !isDigest(digest)) {
      throw refuse("one of its contents has no sha256 or sha512 digest");
    }
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw refuse(`${digest} has no size`);
    }
    const platform = toRecord(fields["platform"]);
    return {
      digest,
      size,
      mediaType: text(fields["mediaType"]),
      annotations: texts(fields["annotations"]),
      os: text(platform["os"]),
      architecture: text(platform["architecture"]),
    };
  });
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(toRecord(value)).map(([name, each]) => [name, text(each)]),
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function toRecord(value: unknown): Record<string, unknown> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : {};
}
