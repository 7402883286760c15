import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { describeError, RuntimeError } from "../base/errors.ts";
import type { SigningSettings } from "../config/signing/signing-settings.ts";
import type { Logger } from "../observe/log.ts";
import type { SignatureCounts, SignatureVerdict } from "./contract/signature-verdict.ts";
import type { SignedPlace, Verification } from "./contract/signing-messages.ts";
import type { CopyFolders } from "./copy-folders.ts";
import { SigningThreads } from "./signing-threads.ts";

/** What a check has found. */
export interface CheckedModel {
  readonly verdict: SignatureVerdict;
  /** Of a verified model, the copy that was checked; undefined: there is none. */
  readonly copy:
    | {
        /** What the client has named, there. Absolute. */
        readonly path: string;
        /** The folder that links must not lead out of; there are none. Absolute. */
        readonly root: string;
        readonly fileCount: number;
        readonly sizeBytes: number;
      }
    | undefined;
  /** Call it when the copy is no longer needed. Resolves when it is gone. Never rejects; idempotent. */
  release(): Promise<void>;
}

const maxToldProblems = 1_000;

/** Checks signatures of models, and keeps the copies that were checked for as long as they are in use. */
export class ModelSigning {
  readonly #settings: SigningSettings;
  readonly #folders: CopyFolders;
  readonly #log: Logger;
  readonly #threads = new SigningThreads();
  readonly #counts = { verified: 0, unsigned: 0, refused: 0 };
  /** Of trusted files, as they were when they were last told. */
  #problems: readonly string[] = [];

  constructor(settings: SigningSettings, folders: CopyFolders, log: Logger) {
    this.#settings = settings;
    this.#folders = folders;
    this.#log = log;
  }

  /** Whether a model that is not verified must not be loaded. */
  get isRequired(): boolean {
    return this.#settings.mode === "require";
  }

  /** Models that were checked so far. */
  get counts(): SignatureCounts {
    return this.#counts;
  }

  /** Reads what is trusted. Rejects with "failed-precondition" if a file or folder of the settings is unusable. */
  async open(): Promise<void> {
    const { trusted } = this.#settings;
    const never = new AbortController().signal;
    const report = await this.#threads.trust({ task: "trust", trusted }, never);
    const { problems, keyCount, certificateCount } = report;
    if (problems.length > 0 && keyCount + certificateCount === 0) {
      throw new RuntimeError("failed-precondition", `MODEL_SIGNING_KEYS: ${problems.join("; ")}`);
    }
    this.#tell(problems);
    const { mode } = this.#settings;
    this.#log.info({ mode, keyCount, certificateCount }, "signatures of models are checked");
  }

  /** Removes what earlier processes left behind. Never rejects. */
  async removeLeftovers(): Promise<void> {
    try {
      await this.#folders.removeLeftovers();
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, "leftovers of verified models not removed");
    }
  }

  /** Stops all checks and removes all copies. Never rejects. */
  async close(): Promise<void> {
    const message = "the runtime is shutting down: no signatures are checked";
    this.#threads.close(new RuntimeError("shutting-down", message));
    await this.#folders.remove().catch((error: unknown) => {
      this.#log.warn({ reason: describeError(error) }, "verified models not removed");
    });
  }

  /** Checks what lies at `place`. `isOwn`: only this process can change its files. Rejects with the signal's reason,
   *  or with a RuntimeError if nothing can be said: "failed-precondition" or "invalid-argument" (there is nothing that
   *  may be read), "over-budget" (the disk for copies) or "temporarily-unavailable". */
  async check(
    place: SignedPlace,
    options: { readonly signal: CancelSignal; readonly isOwn: boolean },
  ): Promise<CheckedModel> {
    const { signal, isOwn } = options;
    const target = await this.#newTarget();
    const { trusted } = this.#settings;
    try {
      const call = { task: "verify", place, trusted, target, isOwn } as const;
      const found = await this.#threads.verify(call, signal);
      this.#tell(found.problems);
      if (found.path === undefined) await this.#remove(target);
      return this.#checked(found, target);
    } catch (error) {
      await this.#remove(target);
      throw error;
    }
  }

  /** Counts a model by its final verdict. */
  count({ state }: SignatureVerdict): void {
    this.#counts[state]++;
  }

  #checked(found: Verification, target: string): CheckedModel {
    const { state, signer, reason, path, fileCount, sizeBytes } = found;
    const verdict = { state, signer, reason };
    if (path === undefined) return { verdict, copy: undefined, release: async () => {} };
    const copy = { path: join(target, path), root: target, fileCount, sizeBytes };
    let removed: Promise<void> | undefined;
    const release = () => {
      removed ??= this.#remove(target);
      return removed;
    };
    return { verdict, copy, release };
  }

  async #newTarget(): Promise<string> {
    try {
      return await this.#folders.next();
    } catch (error) {
      throw new RuntimeError(
        "temporarily-unavailable",
        `there is no place for verified copies of models (MODEL_SIGNING_DIR): ${describeError(error)}`,
        { cause: error },
      );
    }
  }

  async #remove(target: string): Promise<void> {
    try {
      await rm(target, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      this.#log.error({ target, reason: describeError(error) }, "verified copy not removed");
    }
  }

  /** Once for each time that something goes wrong. */
  #tell(problems: readonly string[]): void {
    for (const reason of problems) {
      if (!this.#problems.includes(reason)) {
        this.#log.error({ reason }, "trusted key or certificate not used");
      }
    }
    this.#problems = problems.slice(0, maxToldProblems);
  }
}
