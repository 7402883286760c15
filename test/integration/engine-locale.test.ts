import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { packTexts } from "../../src/base/packed-texts.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import { hostEnvironment } from "../../src/engine/hosts/environment.ts";
import { encodeModel, type OnnxAttribute } from "../support/models/onnx-builder.ts";
import { forever, startEngine } from "../support/servers/engine-fixture.ts";

const limitMs = 300_000;

/** A model that changes the case of texts, or leaves some of them out. */
function normalizer(attributes: Readonly<Record<string, OnnxAttribute>>): Uint8Array {
  const value = (name: string) => ({ name, datatype: "BYTES", shape: [""] }) as const;
  const node = { op: "StringNormalizer", inputs: ["x"], outputs: ["y"], attributes };
  return encodeModel({ inputs: [value("x")], outputs: [value("y")], nodes: [node] }).finish();
}

const changing = (action: string, locale?: string) =>
  normalizer({
    case_change_action: { text: action },
    is_case_sensitive: { int: 1 },
    ...(locale !== undefined && { locale: { text: locale } }),
  });

/** Every character but the halves of pairs and NUL, 64 to a text. */
function everyCharacter(): string[] {
  const texts: string[] = [];
  for (let from = 0; from <= 0x10ffff; from += 64) {
    if (from >= 0xd800 && from < 0xe000) continue;
    let text = "";
    for (let at = Math.max(from, 1); at < from + 64; at++) text += String.fromCodePoint(at);
    texts.push(text);
  }
  return texts;
}

const texts = (name: string, values: readonly string[]): Tensor => {
  return { name, datatype: "BYTES", shape: [values.length], data: packTexts(values) };
};

/** Compiles these locales, or skips the test where that cannot be done. */
function makeLocales(t: TestContext, languages: readonly string[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "modelport-locales-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const language of languages) {
    const target = join(folder, `${language}.UTF-8`);
    const { status } = spawnSync("localedef", ["-i", language, "-f", "UTF-8", target]);
    if (status === 0) continue;
    t.skip("needs localedef and the sources of locales");
    return undefined;
  }
  return folder;
}

describe("the locale of a text normaliser", { timeout: limitMs }, () => {
  it("is not needed: without it every character gets the same case as with it", async (t) => {
    const folder = makeLocales(t, ["en_US"]);
    if (folder === undefined) return;
    const without = await startEngine(t, { environment: { LOCPATH: "/nonexistent" } });
    const within = await startEngine(t, { environment: { LOCPATH: folder } });
    const input = texts("x", everyCharacter());
    for (const action of ["LOWER", "UPPER"]) {
      const answers: Buffer[] = [];
      for (const { put, load } of [without, within]) {
        const model = await load(await put(`${action}.onnx`, changing(action)));
        const request = { inputs: [{ ...input, data: input.data.slice() }], outputs: ["y"] };
        const [y] = await model.infer(request, forever);
        answers.push(Buffer.from((y as Tensor).data));
      }
      const [plain, own] = answers as [Buffer, Buffer];
      assert.ok(plain.equals(own), action);
      assert.ok(!plain.equals(input.data));
    }
  });

  it("is used where the machine has it", async (t) => {
    const folder = makeLocales(t, ["tr_TR"]);
    if (folder === undefined) return;
    const { put, load } = await startEngine(t, {
      environment: hostEnvironment({ LOCPATH: folder, PATH: "/bin" }),
    });
    const model = await load(await put("turkish.onnx", changing("UPPER", "tr_TR.UTF-8")));
    const [y] = await model.infer({ inputs: [texts("x", ["i"])], outputs: ["y"] }, forever);
    assert.deepEqual(Buffer.from((y as Tensor).data.subarray(4)).toString(), "İ");
  });

  it("is asked for by name where another may give other letters", async (t) => {
    const { put, load } = await startEngine(t, { environment: { LOCPATH: "/nonexistent" } });
    for (const locale of ["tr_TR.UTF-8", "az_AZ.utf8", "en_US.ISO-8859-1", "de_DE", "nonsense"]) {
      const file = await put("model.onnx", changing("LOWER", locale));
      await assert.rejects(load(file), {
        kind: "failed-precondition",
        message: `a StringNormalizer needs the locale '${locale}', which this machine lacks: install it (on Debian: the package locales, then localedef), or set LOCPATH to its directory`,
      });
    }
  });

  it("does not matter where no letter changes", async (t) => {
    const { put, load } = await startEngine(t, { environment: { LOCPATH: "/nonexistent" } });
    const model = normalizer({
      case_change_action: { text: "NONE" },
      is_case_sensitive: { int: 1 },
      locale: { text: "tr_TR.UTF-8" },
    });
    const loaded = await load(await put("model.onnx", model));
    const [y] = await loaded.infer({ inputs: [texts("x", ["Ii"])], outputs: ["y"] }, forever);
    assert.deepEqual(Buffer.from((y as Tensor).data.subarray(4)).toString(), "Ii");
  });
});
