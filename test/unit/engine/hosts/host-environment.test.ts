import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hostEnvironment } from "../../../../src/engine/hosts/host-environment.ts";

describe("the environment of engine hosts", () => {
  it("has where locales are and the compile cache, and nothing else", () => {
    const env = {
      LANG: "de_DE.UTF-8",
      LC_ALL: "C.UTF-8",
      LOCPATH: "/locales",
      NODE_COMPILE_CACHE: "/cache",
      PATH: "/bin",
      AWS_SECRET_ACCESS_KEY: "secret",
    };
    const { PATH: _, AWS_SECRET_ACCESS_KEY: __, ...expected } = env;
    assert.deepEqual(hostEnvironment(env), expected);
    assert.deepEqual(hostEnvironment({ LANG: "", HOME: "/root" }), {});
  });
});
