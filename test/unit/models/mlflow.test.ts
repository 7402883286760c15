import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readMlflow } from "../../../src/models/mlflow.ts";

const of = (flavors: object) => readMlflow(JSON.stringify({ flavors }));

describe("an MLmodel file", () => {
  it("names the file of a flavour that is served, as MLflow writes it", () => {
    const text = `artifact_path: model
flavors:
  python_function:
    data: model.xgb
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.xgboost
    python_version: 3.12.3
  xgboost:
    code: null
    data: model.xgb
    model_class: xgboost.sklearn.XGBClassifier
    model_format: xgb
    xgb_version: 3.0.2
mlflow_version: 3.1.0
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}]'
utc_time_created: '2026-01-01 00:00:00.000000'
`;
    assert.deepEqual(readMlflow(text), { file: "model.xgb" });
    assert.deepEqual(of({ onnx: { data: "model.onnx", onnx_version: "1.19" } }), {
      file: "model.onnx",
    });
    assert.deepEqual(of({ lightgbm: { data: "model.lgb" } }), { file: "model.lgb" });
    assert.deepEqual(of({ catboost: { data: "model.cb" } }), { file: "model.cb" });
    const sklearn = { pickled_model: "model.pkl", serialization_format: "cloudpickle" };
    assert.deepEqual(of({ python_function: {}, sklearn }), { file: "model.pkl" });
    assert.deepEqual(of({ onnx: { data: "./data/model.onnx" } }), { file: "data/model.onnx" });
  });

  it("says why it names none", () => {
    const reasons: readonly (readonly [ReturnType<typeof readMlflow>, RegExp])[] = [
      [
        of({ python_function: {}, pytorch: {} }),
        /flavours python_function, pytorch, expected one of onnx/,
      ],
      [of({}), /flavours none/],
      [of({ onnx: {} }), /flavour onnx without 'data'/],
      [of({ onnx: { data: ["a"] } }), /flavour onnx without 'data'/],
      [of({ onnx: { data: "../other/model.onnx" } }), /outside of its folder/],
      [of({ onnx: { data: "/etc/passwd" } }), /outside of its folder/],
      [of({ onnx: { data: "." } }), /outside of its folder/],
      [readMlflow(""), /is not YAML with 'flavors'/],
      [readMlflow("flavors: [onnx]"), /is not YAML with 'flavors'/],
      [readMlflow("a: &a [1]\nflavors: {onnx: {data: *a}}"), /is not YAML with 'flavors'/],
      [readMlflow("{[:"), /is not YAML with 'flavors'/],
    ];
    for (const [found, message] of reasons) assert.match("why" in found ? found.why : "", message);
  });
});
