import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLogger } from "../../../src/observe/log.ts";
import { RepositoryRemarks } from "../../../src/service/repository-remarks.ts";
import type { RepositoryListing } from "../../../src/storage/repository/model-repository.ts";

function listing(parts: Partial<RepositoryListing>): RepositoryListing {
  const model = { id: "iris", versions: [], refusal: undefined };
  return { models: [model], ignored: [], doubles: [], ...parts };
}

describe("remarks on a repository", () => {
  function setUp() {
    const lines: [level: string, fields: object, text: string][] = [];
    const log = createLogger("silent");
    for (const level of ["debug", "warn"] as const) {
      log[level] = ((fields: object, text: string) => lines.push([level, fields, text])) as never;
    }
    const remarks = new RepositoryRemarks(log);
    return { remarks, told: () => lines.splice(0) };
  }

  it("tell once of what is ignored, and again when it has come back", () => {
    const { remarks, told } = setUp();
    const license = () => listing({ ignored: [{ name: "LICENSE", why: "has no extension" }] });
    for (let look = 0; look < 3; look++) remarks.on(license());
    const line = [
      "debug",
      { entry: "LICENSE", reason: "has no extension" },
      "repository entry ignored",
    ];
    assert.deepEqual(told(), [line]);
    remarks.on(listing({}));
    remarks.on(license());
    assert.deepEqual(told(), [line]);
  });

  it("warn once of two models of one name, of a repository without, and of one out of reach", () => {
    const { remarks, told } = setUp();
    const doubles = [{ id: "iris", served: "/r/iris", ignored: "/r/iris.onnx" }];
    for (let look = 0; look < 2; look++) remarks.on(listing({ doubles }));
    assert.deepEqual(told(), [
      [
        "warn",
        { modelId: "iris", path: "/r/iris", ignored: "/r/iris.onnx" },
        "two models of one name in the repository",
      ],
    ]);
    const empty = () => listing({ models: [], ignored: [{ name: "a.pkl", why: "is a pickle" }] });
    for (let look = 0; look < 2; look++) remarks.on(empty());
    assert.deepEqual(
      told().filter(([level]) => level === "warn"),
      [["warn", { entries: 1, reason: "a.pkl: is a pickle" }, "repository has no models"]],
    );
    for (let look = 0; look < 2; look++) remarks.onUnreadable(new Error("unmounted"));
    assert.deepEqual(told(), [
      ["warn", { reason: "unmounted" }, "model repository could not be read"],
    ]);
  });
});
