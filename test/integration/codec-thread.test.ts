import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CodecThread } from "../../src/rpc/codec-thread/codec-thread.ts";
import type { RestInferenceBody } from "../../src/rpc/rest/request.ts";

const never = new AbortController().signal;

function request(text: string, binary = Buffer.alloc(0)): RestInferenceBody {
  const json = Buffer.from(text);
  // Of its own memory, as large bodies are.
  const body = Buffer.allocUnsafeSlow(json.length + binary.length);
  json.copy(body);
  binary.copy(body, json.length);
  const jsonLength = binary.length === 0 ? undefined : `${json.length}`;
  return { body, jsonLength, modelId: "m", version: "2" };
}

function numbers(count: number): string {
  const data = Array.from({ length: count }, (_, at) => at % 100);
  return `{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":[${data}]}]}`;
}

describe("the thread that reads large requests", () => {
  const thread = new CodecThread();
  after(() => thread.close());

  it("gives back tensors, parameters and forms", async () => {
    const { inference, id, timeoutUs, forms } = await thread.decode(
      request(
        '{"id":"7","parameters":{"timeout":5},"outputs":[{"name":"y","parameters":{"binary_data":true}}],' +
          '"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,NaN]},' +
          '{"name":"b","datatype":"UINT8","shape":[3],"parameters":{"binary_data_size":3}}]}',
        Buffer.from([7, 8, 9]),
      ),
      never,
    );
    assert.equal(inference.version, "2");
    assert.deepEqual(inference.outputs, ["y"]);
    const [x, b] = inference.inputs;
    assert.deepEqual(new Float32Array(x?.data.slice().buffer ?? new ArrayBuffer(0)).at(1), NaN);
    assert.deepEqual([...(b?.data ?? [])], [7, 8, 9]);
    assert.deepEqual([id, timeoutUs], ["7", 5n]);
    assert.deepEqual(forms.byName.get("y"), { binary: true, bytesForm: "text" });
  });

  it("refuses as the server itself does", async () => {
    await assert.rejects(thread.decode(request('{"inputs":[{}]}'), never), {
      kind: "invalid-argument",
      message: "name of an input for model 'm' must be a string",
    });
    await assert.rejects(thread.decode(request("{"), never), {
      kind: "invalid-argument",
      message: /^the request is not JSON/,
    });
  });

  it("takes one after the other, and leaves out whose caller has left", async () => {
    const caller = new AbortController();
    const first = thread.decode(request(numbers(200_000)), never);
    const second = thread.decode(request(numbers(10)), caller.signal);
    const third = thread.decode(request(numbers(20)), never);
    caller.abort(new Error("the client went away"));
    await assert.rejects(second, /the client went away/);
    assert.equal((await first).inference.inputs[0]?.shape[0], 200_000);
    assert.equal((await third).inference.inputs[0]?.shape[0], 20);
  });

  it("refuses what would not fit into its memory, and goes on", async () => {
    const costly = request(`[${"{},".repeat(6_000_000)}{}]`);
    await assert.rejects(thread.decode(costly, never), { kind: "invalid-argument" });
    assert.equal((await thread.decode(request(numbers(3)), never)).inference.inputs.length, 1);
  });
});
