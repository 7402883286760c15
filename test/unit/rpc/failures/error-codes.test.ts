import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorKind, RuntimeError } from "../../../../src/base/errors.ts";
import { encodeGrpcMessage, toConnectError } from "../../../../src/rpc/failures/error-codes.ts";

describe("the error of a RuntimeError", () => {
  const expected: Record<ErrorKind, keyof typeof Code> = {
    "invalid-argument": "InvalidArgument",
    "failed-precondition": "FailedPrecondition",
    "model-not-found": "NotFound",
    "model-not-ready": "Unavailable",
    "over-budget": "ResourceExhausted",
    overloaded: "ResourceExhausted",
    cancelled: "Canceled",
    aborted: "Aborted",
    "deadline-exceeded": "DeadlineExceeded",
    "load-failed": "Internal",
    "run-failed": "Internal",
    "host-lost": "Internal",
    "temporarily-unavailable": "Unavailable",
    unauthenticated: "Unauthenticated",
    "permission-denied": "PermissionDenied",
    "shutting-down": "Unavailable",
    "illegal-transition": "Internal",
  };
  for (const [kind, code] of Object.entries(expected)) {
    it(`is ${code} for "${kind}", with its message`, () => {
      const reason = new RuntimeError(kind as ErrorKind, "model 'm' is too big");
      const error = toConnectError(reason);
      assert.equal(Code[error.code], code);
      assert.equal(error.rawMessage, "model 'm' is too big");
      assert.equal(error.cause, reason);
    });
  }

  it("is Canceled if the caller's connection broke, however the system names that", () => {
    for (const code of ["ECANCELED", "ECONNRESET", "EPIPE"]) {
      const reason = Object.assign(new Error(`write ${code}`), { code, syscall: "write" });
      assert.equal(Code[toConnectError(reason).code], "Canceled");
      const elsewhere = Object.assign(new Error(`connect ${code} 10.0.0.1:443`), {
        code,
        syscall: "connect",
      });
      assert.equal(Code[toConnectError(elsewhere).code], "Internal");
    }
  });

  it("has one line, of at most 1,000 bytes as gRPC sends it", () => {
    for (const letter of ["a", " ", "ä", "模", "😀", "%", "\n"]) {
      const { rawMessage } = toConnectError(new RuntimeError("load-failed", letter.repeat(5000)));
      assert.ok(encodeGrpcMessage(rawMessage).length <= 1000, letter);
      assert.doesNotMatch(rawMessage, /\n/);
    }
  });

  it("keeps a message that fits whole", () => {
    const message = "ä".repeat(160);
    assert.equal(toConnectError(new RuntimeError("load-failed", message)).rawMessage, message);
  });

  it("survives letters that are no Unicode text", () => {
    const { rawMessage } = toConnectError(new RuntimeError("load-failed", "\ud800 id"));
    assert.equal(rawMessage, "\ufffd id");
    assert.doesNotThrow(() => encodeURIComponent(rawMessage));
  });

  it("never has one of the shapes that ModelMesh takes for a missing model", () => {
    const shapes: [ErrorKind, string][] = [
      ["invalid-argument", "Model m, file x not found"],
      ["model-not-ready", "Request for unknown model: 'm' is not found"],
      ["shutting-down", "Request for unknown model: 'm' has no available versions"],
    ];
    for (const [kind, message] of shapes) {
      const { rawMessage } = toConnectError(new RuntimeError(kind, message));
      assert.equal(rawMessage, `${message}.`);
    }
  });
});

describe("the error of anything else", () => {
  it("is internal and says no more to callers", () => {
    for (const reason of [new TypeError("secret"), "secret", undefined]) {
      const error = toConnectError(reason);
      assert.equal(error.code, Code.Internal);
      assert.equal(error.rawMessage, "internal error");
      assert.equal(error.cause, reason);
    }
  });

  it("is itself if Connect made it", () => {
    const error = new ConnectError("too large", Code.ResourceExhausted);
    assert.equal(toConnectError(error), error);
  });

  it("is a cancellation or a deadline for the reasons of Node's signals", async () => {
    assert.equal(toConnectError(AbortSignal.abort().reason).code, Code.Canceled);
    const timeout = new DOMException("late", "TimeoutError");
    assert.equal(toConnectError(timeout).code, Code.DeadlineExceeded);
  });
});

describe("a grpc-message", () => {
  it("spells printable ASCII as it is, and the rest and % in percent", () => {
    assert.equal(encodeGrpcMessage("a b:c, 100% 'x' ~"), "a b:c, 100%25 'x' ~");
    assert.equal(encodeGrpcMessage("ä\n☃"), "%C3%A4%0A%E2%98%83");
    assert.equal(decodeURIComponent(encodeGrpcMessage("50 % größer 😀")), "50 % größer 😀");
  });
});
