import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Cleanup } from "../fakes/fake-server.ts";

const run = promisify(execFile);

/** Paths of PEM files. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** As OpenSSL writes them: "DNS:localhost", "URI:spiffe://example.com/ops". */
  readonly names?: readonly string[];
  /** From now; negative for one that has expired. */
  readonly days?: number;
}

const ecKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority whose certificates are worth nothing outside of a test. */
export class TestAuthority {
  /** The folder that everything is in. */
  readonly folder: string;
  readonly #own: KeyPair;
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.#own = { cert: join(folder, "ca.pem"), key: join(folder, "ca.key") };
  }

  /** Its files are removed at the end. */
  static async create(cleanup: Cleanup): Promise<TestAuthority> {
    const folder = await mkdtemp(join(tmpdir(), "modelport-ca-"));
    cleanup.after(() => rm(folder, { recursive: true, force: true }));
    const authority = new TestAuthority(folder);
    const { cert, key } = authority.#own;
    await run("openssl", [
      ...["req", "-x509", ...ecKey, "-days", "2", "-subj", "/CN=Modelport test authority"],
      ...["-keyout", key, "-out", cert],
    ]);
    return authority;
  }

  /** Path of its own certificate. */
  get ca(): string {
    return this.#own.cert;
  }

  async issue({ commonName, names = [], days = 2 }: CertificateRequest): Promise<KeyPair> {
    this.#count += 1;
    const path = (ending: string) => join(this.folder, `${this.#count}.${ending}`);
    const issued = { cert: path("pem"), key: path("key") };
    const extensions = [
      "basicConstraints=CA:FALSE",
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(",")}`]),
    ];
    await run("openssl", [
      ...["req", "-new", ...ecKey, "-subj", `/CN=${commonName.replaceAll("/", "\\/")}`],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...["-keyout", issued.key, "-out", path("csr")],
    ]);
    await run("openssl", [
      ...["x509", "-req", "-in", path("csr"), "-copy_extensions", "copy"],
      ...["-CA", this.#own.cert, "-CAkey", this.#own.key, "-days", String(days)],
      ...["-out", issued.cert],
    ]);
    return issued;
  }
}
