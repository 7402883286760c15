import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkSigning } from "../../../src/doctor/check-signing.ts";
import { goldenKey } from "../../support/signing/signed-models.ts";

describe("the doctor's look at signatures of models", () => {
  const look = (trusted: readonly string[], now = new Date()) =>
    checkSigning({ signing: { mode: "require", trusted, directory: undefined } }, now);

  it("has nothing to say if they are not checked", () => {
    assert.deepEqual(checkSigning({ signing: undefined }, new Date()), []);
  });

  it("counts what is trusted", () => {
    const [finding, ...others] = look([goldenKey("p256.pub"), goldenKey("root.crt")]);
    assert.equal(finding?.level, "ok");
    assert.match(finding?.message ?? "", /1 public keys and 1 certificates are trusted/);
    assert.deepEqual(others, []);
  });

  it("warns of files that cannot be used and of certificates that have expired, and fails without any key", () => {
    const levels = (...args: Parameters<typeof look>) => look(...args).map(({ level }) => level);
    assert.deepEqual(levels([goldenKey("p256.pub"), goldenKey("none.pub")]), ["warn", "ok"]);
    assert.deepEqual(levels([goldenKey("root.crt")], new Date("2130-01-01")), ["warn", "ok"]);
    assert.deepEqual(levels([goldenKey("none.pub")]), ["fail"]);
  });
});
