import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packItems } from "../../../../../src/engine/text/items/pack-items.ts";
import { itemInput } from "../../../../../src/engine/text/items/run-terms.ts";
import type { TextItem } from "../../../../../src/engine/text/items/text-item.ts";
import { readReports } from "../../../../../src/engine/text/items/text-report.ts";
import {
  inspectTextFolder,
  tabulateTextFolder,
} from "../../../../../src/engine/text/memory/inspect-text.ts";
import { loadTextModel } from "../../../../../src/engine/text/session/load-text-model.ts";
import { fp32Values } from "../../../../support/servers/engine-fixture.ts";
import {
  flat,
  goldenOf,
  textFixture,
  textFixtures,
} from "../../../../support/text/text-fixtures.ts";

/** Values are up to 5. */
const tolerance = 2e-5;

function itemsOf(texts: readonly (string | readonly [string, string])[], want: TextItem["want"]) {
  const items = texts.map((given): TextItem => {
    const [text, pair] = typeof given === "string" ? [given] : given;
    return { text, pair, addSpecial: true, truncate: "error", want };
  });
  return {
    name: itemInput,
    datatype: "BYTES",
    shape: [items.length],
    data: packItems(items),
  } as const;
}

describe("a text model in a host", () => {
  for (const name of textFixtures()) {
    it(`answers texts as the reference does: ${name}`, async () => {
      const folder = textFixture(name);
      const { isClear, text, loadedBytes, usualBytes } = await inspectTextFolder(folder);
      assert.ok(isClear, "its memory follows from its files");
      assert.ok(loadedBytes >= usualBytes);
      assert.ok((await tabulateTextFolder(folder)) !== undefined);
      const model = loadTextModel(folder, { threads: 1 });
      try {
        const { texts } = goldenOf(name);
        const given = texts.map((golden) => golden.text);
        const isOfTokens = text?.task === "token-classification";
        const [output = "report"] = model.outputs.map((spec) => spec.name);
        const results = await model.run(
          [itemsOf(given, "ids")],
          isOfTokens ? ["report"] : [output, "report"],
        );
        const reports = readReports(results.at(-1)?.data as Uint8Array);
        for (const [at, report] of reports.entries()) {
          const { ids } = texts[at] as (typeof texts)[0];
          assert.deepEqual(report, { tokens: ids.length, ids });
        }
        if (isOfTokens) return;
        const values = fp32Values(results[0]);
        const wanted = flat(texts.map((golden) => golden.output));
        assert.equal(values.length, wanted.length);
        const furthest = Math.max(
          ...values.map((value, at) => Math.abs(value - (wanted[at] as number))),
        );
        assert.ok(furthest < tolerance, `${furthest}`);
      } finally {
        await model.release();
      }
    });
  }
});
