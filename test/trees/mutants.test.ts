import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RuntimeError } from "../../src/base/errors.ts";
import type { TranslatedFormat } from "../../src/engine/contract/model-format.ts";
import { treeFormats } from "../../src/engine/translation/tree-formats.ts";
import type { Translate } from "../../src/engine/translator/translation.ts";
import { translators } from "../../src/engine/translator/translators.ts";
import { ProcessFolder } from "../../src/storage/process-folder.ts";
import { fuzzSeed, runFuzz } from "../support/attacks/fuzz-run.ts";
import { mutateBytes, mutateJson, Random } from "../support/attacks/mutate.ts";
import { startRuntime } from "../support/servers/runtime.ts";
import { translatorPids } from "../support/translators/translator-pids.ts";
import { openTranslated } from "../support/trees/run-translated.ts";
import { xgboostJson } from "../support/trees/xgboost-json.ts";
import { waitFor } from "../support/wait-for.ts";

// How many damaged files to translate, of which one in so many goes through a whole runtime as well: a long run tries a
// million.
const mutantCount = Number(process.env["MODELPORT_TREE_MUTANTS"] || 2_000);
const firstCase = Number(process.env["MODELPORT_TREE_MUTANTS_FROM"] || 0);
const servedCount = 16 + Math.floor(mutantCount / 500);
const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);
/** Sessions take a while: not every translation of a damaged file is opened. */
const openedShare = 32;
/** Long runs say how far they are. */
const reportedEvery = 20_000;

const fixtures = join(import.meta.dirname, "../fixtures/trees");
const mostBytes = 64 * 1024;

interface Original {
  readonly format: TranslatedFormat;
  readonly name: string;
  readonly bytes: Buffer;
  readonly translate: Translate;
}

async function originals(): Promise<Original[]> {
  const all: Original[] = [];
  for (const format of treeFormats) {
    const translate = await translators[format.name]?.();
    assert(translate !== undefined);
    const names = readdirSync(join(fixtures, format.name), { recursive: true, encoding: "utf8" });
    for (const name of names.sort().filter((each) => /\.(?!bin$)[a-z]+$/.test(each))) {
      const bytes = readFileSync(join(fixtures, format.name, name));
      const isModel = bytes.length <= mostBytes && format.files.recognises?.(bytes) === true;
      if (isModel) all.push({ format, name, bytes, translate });
    }
  }
  return all;
}

function mutantOf({ bytes }: Original, random: Random): Buffer {
  // Wounds in its values get further into a JSON file than those in its text.
  const value = random.below(2) === 0 ? undefined : jsonOf(bytes);
  if (value === undefined) return mutateBytes(bytes, random);
  return Buffer.from(JSON.stringify(mutateJson(value, random)));
}

/** Undefined if it is something else, or has NaN, as XGBoost writes it. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

describe(`damaged files of all libraries, MODELPORT_FUZZ_SEED=${seed}`, () => {
  it(`are refused in words, or make models that load: ${mutantCount}`, async (t) => {
    const files = await originals();
    assert(files.length > 100, `${files.length} files`);
    const counts = { refused: 0, translated: 0, opened: 0 };
    for (let number = firstCase; number < firstCase + mutantCount; number++) {
      const random = new Random(seed + number * 7919);
      const file = files[random.below(files.length)] as Original;
      const what = `case ${number}, of ${file.format.name}/${file.name}`;
      try {
        const { onnx } = file.translate(mutantOf(file, random), { maxSplits: 100_000 });
        if (counts.translated++ % openedShare === 0) {
          openTranslated(onnx).release();
          counts.opened++;
        }
      } catch (error) {
        assert(error instanceof RuntimeError, `${what}: ${(error as Error).stack}`);
        assert(["invalid-argument", "over-budget"].includes(error.kind), `${what}: ${error}`);
        assert.match(error.message, /^[^\n]{20,}$/, what);
        counts.refused++;
      }
      if ((number + 1) % reportedEvery === 0) {
        process.stderr.write(`${number + 1} mutants: ${JSON.stringify(counts)}\n`);
      }
    }
    t.diagnostic(JSON.stringify(counts));
    assert(counts.refused > 0 && counts.translated > 0);
  });

  it(`harm no other model of a runtime that loads them, and leave nothing: ${servedCount}`, async (t) => {
    const files = await originals();
    const cache = await mkdtemp(join(tmpdir(), "modelport-mutants-"));
    const own = new ProcessFolder(cache);
    const translation = { directory: cache, own, limitBytes: 2 ** 24, timeoutMs: 60_000 };
    const runtime = await startRuntime({ engineHosts: 1, translation });
    t.after(async () => {
      await runtime.close();
      await rm(cache, { recursive: true, force: true });
    });
    const { models } = runtime;
    const { signal } = new AbortController();
    await runtime.engine.ready;
    await runtime.put("good.json", xgboostJson({ leaf: 0.5, trees: 3 }));
    await models.load({ id: "good", path: "good.json", type: "", key: "" }, signal);
    const hostPid = models.hostPidOf("good");
    const input = {
      name: "input",
      datatype: "FP32",
      shape: [1, 2],
      data: new Uint8Array(Float32Array.of(1, 2).buffer),
    } as const;
    let last = 0;
    const outcomes = await runFuzz(
      async (random) => {
        const file = files[random.below(files.length)] as Original;
        const id = `mutant-${++last}`;
        const path = await runtime.put(id, mutantOf(file, random));
        try {
          await models.load({ id, path, type: file.format.name, key: "" }, signal);
        } catch (error) {
          assert(error instanceof RuntimeError, `${(error as Error).stack}`);
          assert(["invalid-argument", "over-budget"].includes(error.kind), `${error}`);
          return false;
        } finally {
          await rm(join(runtime.root, path));
        }
        await models.unload(id);
        return true;
      },
      {
        kind: "loads of damaged files",
        seed,
        first: firstCase,
        count: servedCount,
        inFlight: 4,
        limitMs: 120_000,
      },
    );
    t.diagnostic(JSON.stringify(outcomes));
    const asked = { version: "", inputs: [input], outputs: [] };
    const { outputs } = await models.infer("good", asked, signal);
    assert.deepEqual(new Float32Array(outputs[0]?.data.slice().buffer ?? []), Float32Array.of(1.5));
    assert.equal(models.hostPidOf("good"), hostPid);
    await models.unload("good");
    await waitFor(() => translatorPids().length === 0);
    assert.equal(models.usedBytes, 0);
    const folders = (await readdir(cache)).filter((name) => /^process-[^.]*$/.test(name));
    const left = await Promise.all(folders.map((name) => readdir(join(cache, name))));
    assert.deepEqual(left.flat(), []);
  });
});
