import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LifecycleOwner } from "../../../src/service/lifecycle-owner.ts";

describe("the owner of the lifecycle", () => {
  function setUp(setting: "auto" | "repository" | "modelmesh", hasRepository: boolean) {
    let takeOvers = 0;
    const onTakeOver = () => {
      takeOvers++;
    };
    const owner = new LifecycleOwner(setting, { hasRepository });
    owner.onTakeOver(onTakeOver);
    return { owner, takeOvers: () => takeOvers };
  }

  it("is the repository where there is one, whoever calls", () => {
    const { owner, takeOvers } = setUp("auto", true);
    owner.noteMesh();
    assert.equal(owner.current, "repository");
    owner.refuseIfMeshOwns();
    assert.equal(takeOvers(), 0);
  });

  it("is nobody without a repository, until ModelMesh calls", () => {
    const { owner, takeOvers } = setUp("auto", false);
    assert.equal(owner.current, "unclaimed");
    for (let call = 0; call < 3; call++) owner.noteMesh();
    assert.equal(owner.current, "modelmesh");
    assert.equal(takeOvers(), 1);
    owner.refuseIfMeshOwns(); // Callers hear that there is no repository instead.
  });

  it("is what the setting says, and refusals say how to change it", () => {
    const mesh = setUp("modelmesh", true);
    mesh.owner.noteMesh();
    assert.equal(mesh.owner.current, "modelmesh");
    assert.equal(mesh.takeOvers(), 0);
    assert.throws(() => mesh.owner.refuseIfMeshOwns(), {
      kind: "failed-precondition",
      message: /ModelMesh owns the lifecycle .* start the runtime with LIFECYCLE_OWNER=repository$/,
    });
    const own = setUp("repository", false);
    own.owner.noteMesh();
    assert.equal(own.owner.current, "repository");
  });
});
