import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describePolicy, readVersionChoice } from "../../../src/models/version-choice.ts";

const read = (document: Record<string, unknown>) => readVersionChoice(document, "f");

describe("the choice of versions in modelport.json", () => {
  it("is all versions under their numbers where the file has none", () => {
    assert.deepEqual(read({ max_batch_size: 4 }), { policy: undefined, aliases: new Map() });
  });

  for (const [policy, expected, text] of [
    [{ all: {} }, { tag: "all" }, "all"],
    [{ latest: {} }, { tag: "latest", count: 1 }, "latest 1"],
    [{ latest: { num_versions: 3 } }, { tag: "latest", count: 3 }, "latest 3"],
    [
      { specific: { versions: [3, "20261130093000123456"] } },
      { tag: "specific", versions: ["3", "20261130093000123456"] },
      "only 3, 20261130093000123456",
    ],
  ] as const) {
    it(`reads a policy as Triton writes it: ${JSON.stringify(policy)}`, () => {
      const read = readVersionChoice({ version_policy: policy }, "f").policy;
      assert.deepEqual(read, expected);
      assert.ok(read !== undefined);
      assert.equal(describePolicy(read), text);
    });
  }

  it("has aliases of versions, given as numbers or as texts of digits", () => {
    const { aliases } = read({ version_aliases: { stable: 3, "canary-2.x": "12" } });
    assert.deepEqual(
      [...aliases],
      [
        ["stable", "3"],
        ["canary-2.x", "12"],
      ],
    );
  });

  for (const [document, message] of [
    [{ version_policy: [] }, /^f: version_policy is \[\], expected/],
    [{ version_policy: {} }, /^f: version_policy is \{\}, expected/],
    [{ version_policy: { newest: {} } }, /version_policy is .*"newest"/],
    [{ version_policy: { all: {}, latest: {} } }, /version_policy is .*"all".*expected/],
    [{ version_policy: { latest: { count: 2 } } }, /version_policy is .*"count".*num_versions/],
    [{ version_policy: { latest: { num_versions: 0 } } }, /num_versions is 0, expected an integer/],
    [{ version_policy: { specific: {} } }, /specific\.versions is null, expected a list/],
    [{ version_policy: { specific: { versions: ["01"] } } }, /specific\.versions is \["01"\]/],
    [{ version_policy: { specific: { versions: [1.5] } } }, /specific\.versions is \[1\.5\]/],
    [{ version_aliases: ["stable"] }, /^f: version_aliases is \["stable"\], expected an object/],
    [{ version_aliases: { "7": 1 } }, /version_aliases has the alias "7", expected a letter/],
    [{ version_aliases: { "a/b": 1 } }, /has the alias "a\/b"/],
    [{ version_aliases: { "a:b": 1 } }, /has the alias "a:b"/],
    [
      { version_aliases: { stable: "new" } },
      /version_aliases\.stable is "new", expected a version/,
    ],
    [{ version_aliases: { stable: -1 } }, /version_aliases\.stable is -1/],
    [{ version_aliases: { stable: 2 ** 60 } }, /version_aliases\.stable is 1152921504606847000/],
  ] as const) {
    it(`is refused by the name of the field: ${JSON.stringify(document)}`, () => {
      assert.throws(() => read(document), { kind: "invalid-argument", message });
    });
  }
});
