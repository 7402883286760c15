import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { closeSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import { digestOf } from "./curve-digest.ts";

export interface TrustedKey {
  readonly key: KeyObject;
  /** SHA-256 over its PEM, in hex: how signatures name the key that they were made with. */
  readonly hint: string;
  /** For the log. */
  readonly name: string;
}

/** What signatures are checked against. */
export interface Trust {
  readonly keys: readonly TrustedKey[];
  readonly anchors: readonly X509Certificate[];
}

interface TrustedFile extends Trust {
  readonly mark: string;
}

/** A bundle of all authorities of the web has 200 kB. */
const maxBytes = 4 * 1024 * 1024;
const maxFiles = 1_000;

/** The keys and certificates in files, and in the files of folders, which are looked at again for each use. */
export class TrustedKeys {
  readonly #files = new Map<string, TrustedFile>();

  /** Reads what has changed. A file that is unusable now, such as one that is half written, keeps what it had; one
   *  that is gone loses it. `problems` says what is wrong, in lines. Blocks. */
  read(paths: readonly string[]): Trust & { readonly problems: readonly string[] } {
    const problems: string[] = [];
    const found = paths.flatMap((path) => filesAt(path, problems));
    for (const path of this.#files.keys()) if (!found.includes(path)) this.#files.delete(path);
    for (const path of found) {
      try {
        this.#renew(path);
      } catch (error) {
        problems.push(`${path} is not used: ${describeError(error)}`);
      }
    }
    const files = [...this.#files.values()];
    return {
      keys: files.flatMap(({ keys }) => keys),
      anchors: files.flatMap(({ anchors }) => anchors),
      problems,
    };
  }

  #renew(path: string): void {
    const found = statSync(path, { bigint: true });
    const mark = `${fileIdentity(found)}:${found.ctimeNs}`;
    if (this.#files.get(path)?.mark === mark) return;
    this.#files.set(path, { ...trustIn(readText(path), basename(path)), mark });
  }
}

function filesAt(path: string, problems: string[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    // Kubernetes keeps folders and links with such names beside the files of a secret.
    const names = readdirSync(path).filter((name) => !name.startsWith("."));
    const files = names.map((name) => join(path, name)).filter((each) => isFile(each, problems));
    if (files.length > maxFiles) {
      throw new RuntimeError("invalid-argument", `it has more than ${maxFiles} files`);
    }
    return files.sort();
  } catch (error) {
    problems.push(`${path} is not used: ${describeError(error)}`);
    return [];
  }
}

function isFile(path: string, problems: string[]): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch (error) {
    problems.push(`${path} is not used: ${describeError(error)}`);
    return false;
  }
}

function readText(path: string): string {
  const { descriptor, sizeBytes } = openRegularFileSync(path);
  try {
    if (sizeBytes > maxBytes) {
      const message = `it has ${sizeBytes} bytes, expected at most ${maxBytes}`;
      throw new RuntimeError("invalid-argument", message);
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Throws "invalid-argument" if there is anything in the text but public keys and certificates, or neither. */
function trustIn(text: string, file: string): Trust {
  const keys: TrustedKey[] = [];
  const anchors: X509Certificate[] = [];
  for (const [pem, label = ""] of text.matchAll(pemBlock)) {
    if (label === "CERTIFICATE") anchors.push(new X509Certificate(pem));
    else if (label === "PUBLIC KEY") keys.push(readKey(pem, file));
    else if (label.includes("PRIVATE")) {
      const message =
        "it has a private key, which the server must not have: expected the public key";
      throw new RuntimeError("invalid-argument", message);
    } else if (label !== "EC PARAMETERS") {
      const message = `it has a block '${label}', expected 'PUBLIC KEY' or 'CERTIFICATE'`;
      throw new RuntimeError("invalid-argument", message);
    }
  }
  if (keys.length + anchors.length === 0) {
    const message = "it has neither a public key nor a certificate in PEM form";
    throw new RuntimeError("invalid-argument", message);
  }
  return { keys, anchors };
}

function readKey(pem: string, file: string): TrustedKey {
  const key = createPublicKey(pem);
  digestOf(key, "a public key");
  const canonical = key.export({ type: "spki", format: "pem" });
  const hint = createHash("sha256").update(canonical).digest("hex");
  return { key, hint, name: `key ${file} (${hint.slice(0, 16)})` };
}
