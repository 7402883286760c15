import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { readConfig } from "../../../../src/config/config.ts";

const read = (argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  readConfig(argv, env).namedModels;

describe("models that the operator names", () => {
  it("are pairs of flags, in their order", () => {
    assert.deepEqual(read([]), []);
    assert.deepEqual(read(["--model-name=a", "--model-path=/x"]), [{ name: "a", path: "/x" }]);
    assert.deepEqual(
      read(["--model-name", "a", "--model-path", "/x", "--model-name", "b", "--model-path", "y"]),
      [
        { name: "a", path: "/x" },
        { name: "b", path: resolve("y") },
      ],
    );
  });

  it("may be in variables, as lists with commas or lines", () => {
    const pairs = [
      { name: "a", path: "/x" },
      { name: "b", path: "/y,z" },
    ];
    assert.deepEqual(read([], { MODEL_NAME: "a, b", MODEL_PATH: "/x,/y" }), [
      { name: "a", path: "/x" },
      { name: "b", path: "/y" },
    ]);
    assert.deepEqual(read([], { MODEL_NAME: "a,b", MODEL_PATH: "/x\n/y,z\n" }), pairs);
    assert.deepEqual(read(["--model-name=a"], { MODEL_PATH: "/x" }), [{ name: "a", path: "/x" }]);
  });

  it("may be one path, with commas, and without a name", () => {
    assert.deepEqual(read([], { MODEL_PATH: "/opt/ml/model" }), [
      { name: "model", path: "/opt/ml/model" },
    ]);
    assert.deepEqual(read(["--model-name=a", "--model-path=/x,y"]), [{ name: "a", path: "/x,y" }]);
  });

  it("may lie in a store, where Vertex AI says", () => {
    assert.deepEqual(read([], { AIP_STORAGE_URI: "gs://bucket/model", AIP_HTTP_PORT: "8080" }), [
      { name: "model", path: "gs://bucket/model" },
    ]);
  });

  it("are refused where names and paths do not fit together", () => {
    const cases: [argv: string[], message: RegExp][] = [
      [
        ["--model-name=a"],
        /--model-name names 1 model and MODEL_PATH 0 paths: expected one path for/,
      ],
      [["--model-path=/x", "--model-path=/y"], /names 0 models and --model-path 2 paths/],
      [["--model-name=a,b", "--model-path=/x"], /names 2 models and --model-path 1 path:/],
      [["--model-name=a,a", "--model-path=/x,/y"], /--model-name names 'a' twice/],
    ];
    for (const [argv, message] of cases) assert.throws(() => read(argv), { message });
  });
});

describe("paths that platforms choose", () => {
  it("are Vertex AI's variables", () => {
    const { hostingRoutes, port } = readConfig([], {
      AIP_HTTP_PORT: "7080",
      AIP_HEALTH_ROUTE: "/v1/endpoints/1/deployedModels/2",
      AIP_PREDICT_ROUTE: "/v1/endpoints/1/deployedModels/2:predict",
    });
    assert.equal(port, 7080);
    assert.deepEqual(hostingRoutes, {
      health: "/v1/endpoints/1/deployedModels/2",
      predict: "/v1/endpoints/1/deployedModels/2:predict",
    });
  });

  it("are refused where they cannot be paths, or are the same", () => {
    const cases: [argv: string[], message: RegExp][] = [
      [["--health-route=ping"], /--health-route is 'ping', expected a path/],
      [["--health-route=/"], /--health-route is '\/', expected a path/],
      [["--predict-route=/a/*"], /--predict-route is '\/a\/\*', expected a path/],
      [["--predict-route=/a", "--health-route=/a"], /are both '\/a'/],
    ];
    for (const [argv, message] of cases) assert.throws(() => readConfig(argv, {}), { message });
  });
});
