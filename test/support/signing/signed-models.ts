import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../servers/served.ts";

/** What scripts/goldens/signed_models.py has made: a model, and signatures of it by the official tool. */
export const goldens = join(projectRoot, "test/fixtures/signing");

export const goldenKey = (name: string): string => join(goldens, "keys", name);

export const goldenSignature = (name: string): string => join(goldens, "signatures", `${name}.sig`);

/** Copies the model to `folder`, which is its new place, with this signature. */
export function putGolden(folder: string, signature: string): string {
  cpSync(join(goldens, "model"), folder, { recursive: true });
  cpSync(goldenSignature(signature), join(folder, "model.sig"));
  return folder;
}

type Json = Record<string, unknown>;

/** Makes the subject's digest that of the resources. */
export function rehash(statement: Json): void {
  const { subject, predicate } = statement as {
    subject: { digest: Json }[];
    predicate: { resources: { digest: string }[] };
  };
  const all = createHash("sha256");
  for (const { digest } of predicate.resources) all.update(Buffer.from(digest, "hex"));
  for (const { digest } of subject) digest["sha256"] = all.digest("hex");
}

/** Signs what the official tool would refuse to. */
export class TestSigner {
  readonly #key: KeyObject;

  /** `pem`: a private key of a curve P-256; default: a new one. */
  constructor(pem?: string) {
    const made = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    this.#key = pem === undefined ? made() : createPrivateKey(pem);
  }

  get publicPem(): string {
    return createPublicKey(this.#key).export({ type: "spki", format: "pem" }).toString();
  }

  /** Writes the public key to a file and returns its path. */
  writeKey(path: string): string {
    writeFileSync(path, this.publicPem);
    return path;
  }

  /** A signature of these files below `folder`, as the tool makes it. `change` may alter the statement. */
  sign(
    folder: string,
    files: readonly string[],
    change: (statement: Json) => void = () => {},
  ): string {
    const resources = files.toSorted().map((name) => ({
      name,
      algorithm: "sha256",
      digest: createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    }));
    const statement: Json = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "model", digest: {} }],
      predicateType: "https://model_signing/signature/v1.0",
      predicate: {
        resources,
        serialization: { method: "files", hash_type: "sha256", allow_symlinks: false },
      },
    };
    rehash(statement);
    change(statement);
    return this.wrap(Buffer.from(JSON.stringify(statement)));
  }

  /** A bundle with this payload. */
  wrap(payload: Buffer): string {
    const payloadType = "application/vnd.in-toto+json";
    const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
    const sig = sign("sha256", Buffer.concat([Buffer.from(signed), payload]), this.#key);
    return JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: "" }, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString("base64"),
        payloadType,
        signatures: [{ sig: sig.toString("base64"), keyid: "" }],
      },
    });
  }
}
