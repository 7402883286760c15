import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileIdentity } from "../../../src/base/files/file-identity.ts";
import type { ModelSource } from "../../../src/engine/contract/engine.ts";
import type { TranslatedFormat } from "../../../src/engine/contract/model-format.ts";
import { inspectFile } from "../../../src/engine/files/model-files.ts";
import { PrivateFolder } from "../../../src/engine/translation/private-folder.ts";
import { translatedFormat } from "../../../src/engine/translation/translated-format.ts";
import {
  checkTranslated as checkFile,
  digestFile,
  linkEntry,
  type TranslatedFile,
} from "../../../src/engine/translation/translation-files.ts";
import type { TranslationMemory } from "../../../src/engine/translation/translation-memory.ts";
import { TranslationStore } from "../../../src/engine/translation/translation-store.ts";
import {
  type Translated,
  Translations,
  type TranslationsOptions,
} from "../../../src/engine/translation/translations.ts";

export const testFormat: TranslatedFormat = translatedFormat({
  name: "test",
  library: "Test",
  aliases: [],
  files: { extensions: [".test"], recognises: () => true },
  heldFactor: () => ({ usual: 2, most: 4 }),
  peakFactor: () => 5,
});

/** Memory without a limit. */
export const unlimited: TranslationMemory = {
  totalBytes: 2 ** 30,
  take: async () => () => {},
  takeNow: () => () => {},
};

export const testTranslator: URL = new URL("./test-translator.ts", import.meta.url);

export interface TranslationsFixture {
  /** Holds entries and models. */
  readonly directory: string;
  /** Everything in the log but translations. */
  readonly warnings: { readonly facts: object; readonly message: string }[];
  /** Files that were translated, in order. */
  readonly translated: string[];
  /** A runtime with the same cache. */
  runtime(options?: Partial<TranslationsOptions>): Translations;
  put(name: string, content: string): Promise<string>;
  get(translations: Translations, file: string, signal?: AbortSignal): Promise<Translated>;
}

/** As file threads do. */
async function checkTranslated(file: string, key: string): Promise<TranslatedFile | undefined> {
  const whole = checkFile(file, key);
  return whole && { ...whole, inspected: await inspectFile({ format: "onnx", file }) };
}

export async function translationsFixture(t: TestContext): Promise<TranslationsFixture> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-translations-"));
  const all: Translations[] = [];
  t.after(async () => {
    const { RuntimeError } = await import("../../../src/base/errors.ts");
    const over = new RuntimeError("shutting-down", "the test is over");
    await Promise.all(all.map((each) => each.close(over)));
    await rm(directory, { recursive: true, force: true });
  });
  const warnings: { facts: object; message: string }[] = [];
  const translated: string[] = [];
  return {
    directory,
    warnings,
    translated,
    runtime(options = {}) {
      const own = new PrivateFolder(directory);
      const translations = new Translations({
        stores: [new TranslationStore({ directory, own, limitBytes: 1_000_000 })],
        timeoutMs: 60_000,
        concurrency: 1,
        environment: {},
        files: {
          digest: async (file) => digestFile(file),
          checkTranslated,
          takeTranslated: async (link, key) =>
            linkEntry(link) ? await checkTranslated(link.path, key) : "missing",
        },
        memory: unlimited,
        log: {
          info: (facts, message) => {
            if (message === "model translated") translated.push((facts as { file: string }).file);
            else warnings.push({ facts, message });
          },
          warn: (facts, message) => void warnings.push({ facts, message }),
          error: (facts, message) => void warnings.push({ facts, message }),
        },
        entry: testTranslator,
        ...options,
      });
      all.push(translations);
      return translations;
    },
    async put(name, content) {
      const path = join(directory, name);
      await writeFile(path, content);
      return path;
    },
    async get(translations, file, signal = new AbortController().signal) {
      return await translations.get({
        source: await sourceOf(file),
        format: testFormat,
        options: { maxSplits: 1_000 },
        signal,
      });
    },
  };
}

export async function sourceOf(file: string): Promise<ModelSource> {
  const found = await stat(file, { bigint: true });
  const identity = fileIdentity(found);
  return {
    format: "test",
    file,
    identity,
    filesIdentity: identity,
    diskBytes: Number(found.size),
    estimatedBytes: 1_000_000,
    plausibleBytes: 1_000_000,
    leastBytes: 1_000,
    isClear: true,
  };
}
