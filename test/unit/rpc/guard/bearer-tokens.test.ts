import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readTokens } from "../../../../src/rpc/guard/bearer-tokens.ts";

const [one, two] = ["0123456789abcdef", "ABCDEF-._~+/0123456789=="];

describe("a file of tokens", () => {
  it("has one in each line, beside comments and empty lines", () => {
    assert.deepEqual(readTokens(`# old\n${one}\n\n  ${two}  \r\n#${one}`), [one, two]);
    assert.deepEqual(readTokens("# all are revoked\n"), []);
  });

  it("is refused where a line is not a token, without telling it", () => {
    for (const [line, reason] of [
      ["two words in one line", /^line 2 is not a token/],
      ["0123456789abcdefä", /^line 2 is not a token/],
      ["token=0123456789abcdef", /^line 2 is not a token/],
      ["012345678", /^line 2 is a token of fewer than 16 characters$/],
    ] as const) {
      assert.throws(
        () => readTokens(`${one}\n${line}\n`),
        (error: Error) => {
          assert.match(error.message, reason);
          return !error.message.includes(line);
        },
      );
    }
  });

  it("is refused while it is empty, as it is when somebody is about to write it", () => {
    for (const content of ["", "\n", "  \n"]) assert.throws(() => readTokens(content), /is empty/);
  });
});
