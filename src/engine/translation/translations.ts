import { access } from "node:fs/promises";
import { abortable } from "../../base/abort.ts";
import { Cancellation, type CancelSignal } from "../../base/cancel-signal.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { Slots } from "../../base/slots.ts";
import type { ModelSource, TabularFacts } from "../contract/engine.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import type { InspectedFiles, TranslatedFormat } from "../contract/model-format.ts";
import type { TranslationOptions } from "../translator/translation.ts";
import type { EntryLink, FileDigest, TranslatedFile } from "./translation-files.ts";
import { translationKey } from "./translation-key.ts";
import type { TranslationMemory } from "./translation-memory.ts";
import type { TranslationStore } from "./translation-store.ts";
import { translatorBaseBytes } from "./translator-child.ts";
import { Translators } from "./translator-processes.ts";

export interface TranslationsOptions {
  /** Where translated files go: the first that can be written. */
  readonly stores: readonly TranslationStore[];
  readonly timeoutMs: number;
  /** Translators that run at once. */
  readonly concurrency: number;
  /** The translators' environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly files: TranslationReader;
  readonly memory: TranslationMemory;
  readonly log: EngineLog;
  /** Of a translator; default: this program's own. */
  readonly entry?: URL;
}

/** Reads files elsewhere, so that the server's event loop turns meanwhile. */
export interface TranslationReader {
  digest(file: string): Promise<FileDigest>;
  /** Undefined unless the file is the whole translation of this key. */
  checkTranslated(file: string, key: string): Promise<TranslatedFile | undefined>;
  /** Makes the link and checks it. "missing" if there is no entry; undefined if it is damaged. */
  takeTranslated(link: EntryLink, key: string): Promise<TranslatedFile | "missing" | undefined>;
}

export interface TranslationRequest {
  readonly source: ModelSource;
  readonly format: TranslatedFormat;
  readonly options: TranslationOptions;
  readonly signal: CancelSignal;
}

/** A translated file that stays as it is until it is released. */
export interface Translated {
  readonly key: string;
  readonly file: string;
  /** Its `fileIdentity`. */
  readonly identity: string;
  readonly facts: TabularFacts;
  readonly inspected: InspectedFiles;
  /** To be called once no host will load it again. Idempotent. */
  release(): void;
}

/** What all loads of the same content share. */
interface Shared {
  readonly making: Promise<Made>;
  /** Undefined until it is made. */
  made: Made | undefined;
  readonly stop: Cancellation;
  users: number;
}

interface Made extends TranslatedFile {
  readonly store: TranslationStore;
  readonly path: string;
}

interface Work extends TranslationRequest {
  readonly key: string;
  readonly content: FileDigest;
}

const maxDigests = 20_000;

/** Makes ONNX models of files of other libraries, and keeps what it has made. */
export class Translations {
  readonly #options: TranslationsOptions;
  readonly #slots: Slots;
  readonly #translators: Translators;
  /** By key. */
  readonly #shared = new Map<string, Shared>();
  /** By file and identity, the oldest first. */
  readonly #digests = new Map<string, FileDigest>();
  /** Stores about which the log was told. */
  readonly #told = new Set<TranslationStore>();

  constructor(options: TranslationsOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
    this.#translators = new Translators(options);
  }

  /** The translation of a model's file. When the signal aborts, rejects with its reason once nothing of the work is
   *  left, unless another load waits for the same. Otherwise rejects with RuntimeError: as `runTranslatorProcess`,
   *  "over-budget" for a model that is too big, "failed-precondition" if no store can be written. */
  async get(request: TranslationRequest): Promise<Translated> {
    const { source, format, options, signal } = request;
    const content = await abortable(this.#digestOf(source), signal);
    const key = translationKey(format.name, content.digest, options);
    await abortable(this.#forgetIfGone(key), signal);
    const shared = this.#shared.get(key) ?? this.#start({ ...request, key, content });
    shared.users++;
    try {
      const made = await abortable(shared.making, signal);
      if (made.splits > options.maxSplits) throw tooManySplits(source.file, made.splits, options);
      let isReleased = false;
      const release = () => {
        if (isReleased) return;
        isReleased = true;
        void this.#leave(key, shared);
      };
      const { path: file, identity, facts, inspected } = made;
      return { key, file, identity, facts, inspected, release };
    } catch (error) {
      await this.#leave(key, shared);
      if (error instanceof RuntimeError && error.kind === "temporarily-unavailable") {
        this.#digests.delete(digestKey(source));
      }
      throw error;
    }
  }

  /** Where the translation of this key is now, if a load or a loaded model uses it. */
  fileOf(key: string): string | undefined {
    return this.#shared.get(key)?.made?.path;
  }

  /** Removes what processes have left behind that ended without doing so. Never rejects. */
  async removeLeftovers(): Promise<void> {
    for (const store of this.#options.stores) await store.removeLeftovers().catch(() => {});
  }

  /** Stops all translators, and removes this process's folders. */
  async close(reason: RuntimeError): Promise<void> {
    const all = [...this.#shared.values()];
    for (const { stop } of all) stop.abort(reason);
    await Promise.allSettled(all.map(({ making }) => making));
    await this.#translators.close();
    for (const store of this.#options.stores) await store.close().catch(() => {});
  }

  async #digestOf(source: ModelSource): Promise<FileDigest> {
    const key = digestKey(source);
    const known = this.#digests.get(key) ?? (await this.#options.files.digest(source.file));
    this.#digests.delete(key);
    this.#digests.set(key, known);
    const [oldest] = this.#digests.keys();
    if (oldest !== undefined && this.#digests.size > maxDigests) this.#digests.delete(oldest);
    return known;
  }

  /** Programs that tidy up temporary folders may have removed what is in use. */
  async #forgetIfGone(key: string): Promise<void> {
    const shared = this.#shared.get(key);
    if (shared?.made === undefined || (await isThere(shared.made.path))) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
  }

  #start(work: Work): Shared {
    const stop = new Cancellation();
    const making = this.#make({ ...work, signal: stop });
    const shared: Shared = { making, made: undefined, stop, users: 0 };
    making.then(
      (made) => (shared.made = made),
      () => {},
    );
    this.#shared.set(work.key, shared);
    return shared;
  }

  /** The last user's leave stops the work, or removes what it has made. */
  async #leave(key: string, shared: Shared): Promise<void> {
    if (--shared.users > 0) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    shared.stop.abort(new RuntimeError("cancelled", "no load waits for the translation any more"));
    const made = await shared.making.catch(() => undefined);
    await made?.store.remove(made.path);
  }

  async #make(work: Work): Promise<Made> {
    const kept = await this.#find(work.key);
    if (kept !== undefined) return kept;
    return await this.#slots.run(work.signal, () => this.#translate(work, this.#limitOf(work)));
  }

  /** What the load has reserved for its model is free until that is loaded, and the rest counts as a run. */
  #limitOf({ source, format, content }: Work): number {
    const { estimatedBytes, diskBytes } = source;
    const wanted = format.peakFactor(content.head) * diskBytes + leastTranslatorBytes;
    const most = this.#options.memory.totalBytes + estimatedBytes - translatorBaseBytes;
    return Math.ceil(Math.max(leastTranslatorBytes, Math.min(wanted, most)));
  }

  async #find(key: string): Promise<Made | undefined> {
    const { stores, files, log } = this.#options;
    for (const store of stores) {
      const link = await store.linkOf(key);
      if (link === undefined) continue;
      const found = await files.takeTranslated(link, key).catch(() => undefined);
      if (found === "missing") continue;
      const { path } = link;
      if (found !== undefined) return { ...found, store, path };
      const { directory } = store;
      log.warn({ directory, entry: key }, "translated file was damaged and is made again");
      await store.remove(path);
      await store.drop(key);
    }
    return undefined;
  }

  async #translate(work: Work, memoryBytes: number): Promise<Made> {
    const failures: string[] = [];
    for (const store of this.#options.stores) {
      const made = await this.#translateInto(store, work, memoryBytes);
      if (typeof made !== "string") return made;
      failures.push(made);
      this.#tell(store, made);
    }
    throw new RuntimeError(
      "failed-precondition",
      `${work.source.file} was not translated, because no directory takes the result (${failures.join("; ")}): ` +
        "set TRANSLATION_CACHE_DIR to one with free space",
    );
  }

  /** The reason if the store cannot be written. */
  async #translateInto(
    store: TranslationStore,
    work: Work,
    memoryBytes: number,
  ): Promise<Made | string> {
    let reason = "";
    for (let attempt = 1; attempt <= 2; attempt++) {
      let output: string;
      try {
        output = await store.place();
      } catch (error) {
        return describeError(error);
      }
      try {
        const answer = await this.#run(work, output, memoryBytes);
        if (answer === undefined) return await this.#keep(store, work, output);
        reason = answer.message;
        if (answer.code !== "ENOSPC" && answer.code !== "EDQUOT") return reason;
      } catch (error) {
        await store.remove(output);
        throw error;
      }
      await store.remove(output);
      await store.shrinkTo(0);
    }
    return reason;
  }

  /** Undefined if the file was written. */
  async #run(
    { source, format, options, key, content, signal }: Work,
    output: string,
    memoryBytes: number,
  ): Promise<{ readonly code: string; readonly message: string } | undefined> {
    const { log, timeoutMs } = this.#options;
    const { identity, digest } = content;
    const { file, estimatedBytes: reservedBytes } = source;
    const startMs = performance.now();
    const answer = await this.#translators.run(
      { format: format.name, call: { file, identity, digest, options, output, key } },
      { timeoutMs, memoryBytes, reservedBytes },
      signal,
    );
    if (answer.tag === "not-written") return answer;
    const translationMs = Math.round(performance.now() - startMs);
    log.info({ file, format: format.name, translationMs }, "model translated");
    return undefined;
  }

  async #keep(store: TranslationStore, { key, source }: Work, path: string): Promise<Made> {
    const found = await this.#options.files.checkTranslated(path, key);
    if (found === undefined) {
      const why = "its translator wrote something else than it was to write";
      throw new RuntimeError("load-failed", `${source.file}: ${why}`);
    }
    await store.keep(key, path).catch((error: unknown) => this.#tell(store, describeError(error)));
    return { ...found, store, path };
  }

  #tell(store: TranslationStore, reason: string): void {
    if (this.#told.has(store)) return;
    this.#told.add(store);
    const { directory } = store;
    const { log } = this.#options;
    const facts = { directory, reason };
    // A default directory that does not exist is nobody's mistake.
    if (/\bENOENT\b/.test(reason)) {
      log.info(facts, "translated files were not kept in this directory");
    } else log.warn(facts, "translated files were not kept in this directory");
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** For the code of the translators, and small files. */
const leastTranslatorBytes = 32 * 1024 * 1024;

function digestKey({ file, identity }: ModelSource): string {
  return `${identity} ${file}`;
}

function tooManySplits(
  file: string,
  splits: number,
  { maxSplits }: TranslationOptions,
): RuntimeError {
  return new RuntimeError(
    "over-budget",
    `${file} has ${splits} splits, and its load may hold ${maxSplits}: raise CONTAINER_MEM_REQ_BYTES`,
  );
}
