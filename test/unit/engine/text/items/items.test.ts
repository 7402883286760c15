import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packElements, unpackElements } from "../../../../../src/base/bytes-elements.ts";
import { packItems } from "../../../../../src/engine/text/items/pack-items.ts";
import type { TextItem } from "../../../../../src/engine/text/items/text-item.ts";
import { packReport, readReports } from "../../../../../src/engine/text/items/text-report.ts";
import { unpackItem } from "../../../../../src/engine/text/items/unpack-item.ts";

const items: readonly TextItem[] = [
  { text: "", addSpecial: true, truncate: "error" },
  { text: "Grüße, 世界 👩‍👩‍👧\0\n", addSpecial: true, truncate: "model", want: "offsets" },
  { text: "a", pair: "", addSpecial: true, truncate: 12, truncateSide: "left" },
  {
    text: "a",
    pair: "b",
    prompt: "query: ",
    addSpecial: false,
    truncate: 1,
    truncateSide: "right",
  },
  {
    ids: new Int32Array([101, -1, 2 ** 31 - 1, 0]),
    addSpecial: true,
    truncate: "error",
    want: "ids",
  },
  { ids: new Int32Array(0), addSpecial: false, truncate: "model", want: "entities" },
];

const read = (data: Uint8Array) => unpackElements(data).map(unpackItem);

/** Without what is absent. */
const given = (item: TextItem | undefined) => item && JSON.parse(JSON.stringify(item));

describe("packed text items", () => {
  it("are read as they were packed", () => {
    const packed = read(packItems(items));
    const wanted = items.map((item) => given({ want: "tokens", ...item }));
    assert.deepEqual(packed.map(given), wanted);
  });

  it("replace what is not a character", () => {
    const [item] = read(packItems([{ text: "a\ud800b", addSpecial: true, truncate: "error" }]));
    assert.equal(item?.text, "a\ufffdb");
  });

  it("are refused while they are packed if they contradict themselves", () => {
    const ids = new Int32Array(1);
    const base = { addSpecial: true, truncate: "error" } as const;
    assert.throws(() => packItems([{ ...base }]), /neither text nor ids/);
    assert.throws(() => packItems([{ ...base, ids, text: "a" }]), /ids and text/);
    assert.throws(() => packItems([{ ...base, text: "a", truncate: 0 }]), /at least 1/);
  });

  it("are undefined for every other length, and never read beyond their end", () => {
    for (const element of unpackElements(packItems(items))) {
      const isList = ((element[0] as number) & 1) !== 0;
      for (let length = 0; length < element.length; length++) {
        const cut = unpackItem(element.subarray(0, length));
        // A list of ids ends where it ends.
        if (isList && length >= 6 && (length - 6) % 4 === 0) continue;
        assert.equal(cut, undefined, `cut to ${length} of ${element.length} bytes`);
      }
      const longer = unpackItem(new Uint8Array([...element, 0]));
      assert.equal(longer, undefined);
    }
  });

  it("are undefined or an item for any bytes", () => {
    const [element] = unpackElements(packItems([items[3] as TextItem])) as [Uint8Array];
    for (let at = 0; at < element.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = new Uint8Array(element);
        changed[at] = value;
        const item = unpackItem(changed);
        assert.ok(item === undefined || typeof item.addSpecial === "boolean");
      }
    }
  });
});

describe("reports of text runs", () => {
  it("are read as they were packed", () => {
    const reports = [
      { tokens: 3 },
      {
        tokens: 2,
        ids: [101, 102],
        pieces: ["[CLS]", "é"],
        offsets: [
          [0, 0],
          [1, 2],
        ],
        special: [0],
      },
      { fault: { kind: "too-long", tokens: 700, limit: 512 } },
    ] as const;
    assert.deepEqual(readReports(packElements(reports.map(packReport))), reports);
    assert.deepEqual(readReports(new Uint8Array(0)), []);
  });
});
