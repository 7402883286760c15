import { createHash } from "node:crypto";
import { RuntimeError } from "../../base/errors.ts";
import { type DigestName, digestSizes, isDigestName } from "../digests/hasher.ts";
import { exactly, list, object, parseObject, string } from "./bundle-fields.ts";

/** A part of a file, and the digest that it must have. */
export interface SignedPart {
  /** Bytes from `start` to `end`; undefined: to the end of the file. */
  readonly start: number;
  readonly end: number | undefined;
  readonly digest: Buffer;
}

/** What a signature says about a model. */
export interface SignedModel {
  /** The name that the folder or the file had. For information only. */
  readonly name: string;
  readonly digestName: DigestName;
  /** Whether links to files are followed. Otherwise there may be none. */
  readonly allowsLinks: boolean;
  /** Relative paths, without "." and "..", of files and folders that are not part of the model. */
  readonly ignored: readonly string[];
  /** Whether files without bytes are left out of `files`. */
  readonly omitsEmpty: boolean;
  /** By relative path, with the parts in order and without gaps. A model that is one file has it as ".". */
  readonly files: ReadonlyMap<string, readonly SignedPart[]>;
}

const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://model_signing/signature/v1.0";
const oldPredicateType = "https://model_signing/Digests/v0.1";
const maxResources = 200_000;
/** What the tool leaves out although its signatures need not say so. */
const alwaysIgnored = [".git", ".gitattributes", ".github", ".gitignore"];

type Fields = Readonly<Record<string, unknown>>;

/** Throws "invalid-argument" if the payload is not a whole and consistent statement about a model. */
export function readStatement(payload: Buffer): SignedModel {
  const statement = parseObject(payload.toString("utf8"), "the statement");
  exactly(statement["_type"], statementType, "_type");
  if (statement["predicateType"] === oldPredicateType) {
    throw wrong("the signature was made by a release of model_signing before 1.0: sign it again");
  }
  exactly(statement["predicateType"], predicateType, "predicateType");
  const predicate = object(statement["predicate"], "predicate");
  const serialization = object(predicate["serialization"], "predicate.serialization");
  const { digestName, algorithm, shardBytes } = readMethod(serialization);
  const resources = readResources(predicate["resources"], algorithm, digestSizes[digestName]);
  const name = checkSubject(statement["subject"], resources);
  return {
    name,
    digestName,
    allowsLinks: readFlag(serialization["allow_symlinks"]),
    ignored: [...alwaysIgnored, ...readIgnored(serialization["ignore_paths"])],
    omitsEmpty: shardBytes !== undefined,
    files: shardBytes === undefined ? wholeFiles(resources) : shardedFiles(resources, shardBytes),
  };
}

interface Method {
  readonly digestName: DigestName;
  /** As each resource names it. */
  readonly algorithm: string;
  /** Undefined: whole files. */
  readonly shardBytes: number | undefined;
}

function readMethod(serialization: Fields): Method {
  const { method, hash_type: hashType, shard_size: shardSize } = serialization;
  // Old releases name the digest as the option of their command does.
  const digestName = hashType === "blake2" ? "blake2b" : hashType;
  if (!isDigestName(digestName)) {
    const known = Object.keys(digestSizes).join(", ");
    throw wrong(`predicate.serialization.hash_type is not one of ${known}`);
  }
  if (method === "files") return { digestName, algorithm: digestName, shardBytes: undefined };
  if (method !== "shards") {
    throw wrong("predicate.serialization.method is neither 'files' nor 'shards'");
  }
  if (typeof shardSize !== "number" || !Number.isSafeInteger(shardSize) || shardSize < 1) {
    throw wrong("predicate.serialization.shard_size is not a number of bytes");
  }
  return { digestName, algorithm: `${digestName}-sharded-${shardSize}`, shardBytes: shardSize };
}

interface Resource {
  readonly name: string;
  readonly digest: Buffer;
}

function readResources(value: unknown, algorithm: string, digestBytes: number): Resource[] {
  const resources = list(value, "predicate.resources");
  if (resources.length > maxResources) {
    throw wrong(
      `predicate.resources has ${resources.length} elements, expected at most ${maxResources}`,
    );
  }
  return resources.map((each, at) => {
    const where = `predicate.resources[${at}]`;
    const resource = object(each, where);
    exactly(resource["algorithm"], algorithm, `${where}.algorithm`);
    const digest = string(resource["digest"], `${where}.digest`);
    if (digest.length !== 2 * digestBytes || !/^[0-9a-f]*$/i.test(digest)) {
      throw wrong(`${where}.digest does not have ${digestBytes} bytes in hex`);
    }
    return { name: string(resource["name"], `${where}.name`), digest: Buffer.from(digest, "hex") };
  });
}

/** The subject's digest is one over all digests, in their order. */
function checkSubject(value: unknown, resources: readonly Resource[]): string {
  const subjects = list(value, "subject");
  if (subjects.length !== 1) throw wrong(`subject has ${subjects.length} elements, expected one`);
  const subject = object(subjects[0], "subject[0]");
  const { sha256 } = object(subject["digest"], "subject[0].digest");
  const hash = createHash("sha256");
  for (const { digest } of resources) hash.update(digest);
  if (string(sha256, "subject[0].digest.sha256").toLowerCase() !== hash.digest("hex")) {
    throw wrong("subject[0].digest.sha256 is not the digest of the digests in predicate.resources");
  }
  return typeof subject["name"] === "string" ? subject["name"] : "";
}

function wholeFiles(resources: readonly Resource[]): SignedModel["files"] {
  const files = new Map<string, readonly SignedPart[]>();
  for (const { name, digest } of resources) {
    const path = readPath(name);
    if (files.has(path)) throw wrong(`predicate.resources names '${path}' twice`);
    files.set(path, [{ start: 0, end: undefined, digest }]);
  }
  return files;
}

/** Names end with the first byte and the one after the last: "weights.bin:0:1000". */
function shardedFiles(resources: readonly Resource[], shardBytes: number): SignedModel["files"] {
  const files = new Map<string, { start: number; end: number; digest: Buffer }[]>();
  for (const { name, digest } of resources) {
    const [, path, start, end] = /^(.+):(\d{1,15}):(\d{1,15})$/s.exec(name) ?? [];
    if (path === undefined) {
      throw wrong(`predicate.resources names '${shownName(name)}', expected path:start:end`);
    }
    const shards = files.get(readPath(path)) ?? [];
    shards.push({ start: Number(start), end: Number(end), digest });
    files.set(path, shards);
  }
  for (const [path, shards] of files) {
    shards.sort((a, b) => a.start - b.start);
    let expected = 0;
    for (const [at, { start, end }] of shards.entries()) {
      const isLast = at === shards.length - 1;
      const isWhole = isLast
        ? end > start && end - start <= shardBytes
        : end - start === shardBytes;
      if (start !== expected || !isWhole) {
        throw wrong(`the shards of '${shownName(path)}' do not follow each other`);
      }
      expected = end;
    }
  }
  return files;
}

function readFlag(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrong("predicate.serialization.allow_symlinks is neither true nor false");
}

function readIgnored(value: unknown): string[] {
  if (value === undefined) return [];
  const where = "predicate.serialization.ignore_paths";
  return list(value, where)
    .map((each) => string(each, where))
    .filter((path) => !path.startsWith("/"))
    .map((path) => path.split("/").filter((part) => part !== "" && part !== "."))
    .filter((parts) => !parts.includes(".."))
    .map((parts) => parts.join("/"));
}

/** A path that stays below the model, in the only form that the tool writes. */
function readPath(name: string): string {
  if (name === ".") return name;
  const isPlain = name
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\0"));
  if (isPlain && name.length <= 4096) return name;
  throw wrong(`predicate.resources names '${shownName(name)}', expected a path below the model`);
}

function shownName(name: string): string {
  return name.slice(0, 200);
}

function wrong(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
