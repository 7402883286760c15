import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { refusalForm, wireOf } from "../../../../src/rpc/failures/wire-form.ts";

describe("the wire format of a call whose head alone is known", () => {
  it("is gRPC for its content types, whatever the path", () => {
    for (const type of [
      "application/grpc",
      "application/grpc+proto",
      "application/grpc-web+json",
    ]) {
      assert.equal(wireOf("/v2/models", { "content-type": type }), "grpc");
    }
  });

  it("is Connect for the paths of RPCs, and for Connect's own headers", () => {
    assert.equal(wireOf("/inference.GRPCInferenceService/ModelInfer", {}), "connect");
    assert.equal(wireOf("/mmesh.ModelRuntime/loadModel?encoding=json", {}), "connect");
    assert.equal(wireOf("/nowhere", { "connect-protocol-version": "1" }), "connect");
    assert.equal(wireOf("/nowhere", { "content-type": "application/proto" }), "connect");
    assert.equal(wireOf("/nowhere", { "content-type": "application/connect+json" }), "connect");
  });

  it("is REST for everything else, under every prefix", () => {
    const paths = ["/", "/v2/models/a/infer", "/modelport/v1/watch", "/debug/heap", "/metrics"];
    for (const path of paths) {
      assert.equal(wireOf(path, { "content-type": "application/json" }), "rest", path);
      assert.equal(wireOf(path, {}), "rest", path);
    }
  });
});

describe("an error in the form of a call", () => {
  const error = new ConnectError("zu spät: the request did not arrive", Code.DeadlineExceeded);

  it("is a response without a body for gRPC", () => {
    const headers = { "content-type": "application/grpc+proto" };
    assert.deepEqual(refusalForm({ path: "/a.B/C", headers }, error), {
      status: 200,
      headers: {
        "content-type": "application/grpc+proto",
        "grpc-status": "4",
        "grpc-message": "zu sp%C3%A4t: the request did not arrive",
      },
      body: "",
    });
  });

  it("has a code for Connect, and none for REST", () => {
    const connect = refusalForm({ path: "/a.B/C", headers: {} }, error);
    assert.deepEqual(JSON.parse(connect.body), {
      code: "deadline_exceeded",
      message: error.rawMessage,
    });
    const rest = refusalForm({ path: "/v2", headers: {} }, error);
    assert.deepEqual(JSON.parse(rest.body), { error: error.rawMessage });
  });

  it("blames the client for a request that did not arrive, and has the given status otherwise", () => {
    assert.equal(refusalForm({ path: "/v2", headers: {} }, error).status, 408);
    assert.equal(refusalForm({ path: "/v2", headers: {} }, error, 431).status, 431);
    const full = new ConnectError("full", Code.ResourceExhausted);
    assert.equal(refusalForm({ path: "/v2", headers: {} }, full).status, 429);
  });
});
