import { readFile, stat } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import type { PayloadSink } from "../../../config/payload-log/payload-log-settings.ts";

type HttpSettings = Extract<PayloadSink, { kind: "http" }>;

/** Mounted secrets are replaced now and then. */
const lookMs = 5_000;

export interface SinkCredentials {
  readonly tls: SecureContextOptions;
  readonly token: string | undefined;
  /** Grows when the certificates change. */
  readonly version: number;
}

/** The certificates and the token for a sink, read again when their files change. */
export class SinkFiles {
  readonly #settings: HttpSettings;
  #known: SinkCredentials | undefined;
  #marks = "";
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  /** The sink did not take what is known: the next `read` looks again. */
  lookAgain(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  /** Rejects if one of the files cannot be read. */
  async read(): Promise<SinkCredentials> {
    const { caPath, certPath, keyPath, tokenPath } = this.#settings;
    if (this.#known !== undefined && performance.now() < this.#lookedMs + lookMs)
      return this.#known;
    const marks = await marksOf([caPath, certPath, keyPath, tokenPath]);
    if (this.#known === undefined || marks !== this.#marks) {
      const [ca, cert, key, token] = await Promise.all(
        [caPath, certPath, keyPath, tokenPath].map(readIf),
      );
      const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
      this.#known = { tls, token: token?.trim(), version: (this.#known?.version ?? 0) + 1 };
      this.#marks = marks;
    }
    this.#lookedMs = performance.now();
    return this.#known;
  }
}

async function marksOf(paths: readonly (string | undefined)[]): Promise<string> {
  const marks = await Promise.all(
    paths.map(async (path) => {
      if (path === undefined) return "";
      const { mtimeMs, size, ino } = await stat(path);
      return `${ino}:${mtimeMs}:${size}`;
    }),
  );
  return marks.join(" ");
}

async function readIf(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : readFile(path, "utf8");
}
