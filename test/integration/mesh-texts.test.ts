import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EmbeddingResultSchema } from "../../gen/caikit/caikit-nlp_pb.ts";
import { EmbeddingTaskRequestSchema } from "../../gen/caikit/nlp-service_pb.ts";
import { MeshedRuntime } from "../support/model-mesh/meshed-runtime.ts";
import { projectRoot } from "../support/servers/served.ts";

describe("a text model behind ModelMesh", { timeout: 300_000 }, () => {
  let pod: MeshedRuntime;
  before(async () => {
    pod = await MeshedRuntime.start({ capacityBytes: 256 * 1024 ** 2 });
    const path = join(pod.root, "sentences");
    await cp(join(projectRoot, "test/fixtures/text/bert-embedding"), path, { recursive: true });
    pod.mesh.register("sentences", { type: "mt:sentence-transformers", path });
  });
  after(() => pod?.close());

  const embed = async (text: string) => {
    const request = create(EmbeddingTaskRequestSchema, { text });
    const answer = await pod.mesh.call({
      method: "caikit.runtime.Nlp.NlpService/EmbeddingTaskPredict",
      body: Buffer.from(toBinary(EmbeddingTaskRequestSchema, request)),
      headers: { "mm-model-id": "sentences" },
    });
    return fromBinary(EmbeddingResultSchema, answer);
  };

  it("is loaded by a call of Caikit's, and loaded anew after the runtime has lost it", async () => {
    const { result, inputTokenCount } = await embed("a b");
    assert.ok((result?.data.value?.values.length ?? 0) > 1);
    assert.ok((inputTokenCount ?? 0n) > 2n);
    await pod.restartRuntime("SIGKILL");
    const again = await embed("a b");
    assert.deepEqual(again.result, result);
    assert.equal(pod.mesh.books.lost.length, 1);
  });

  it("is not loaded anew because of a text that is too long", async () => {
    const { books } = pod.mesh;
    const lost = [...books.lost];
    await assert.rejects(embed("a ".repeat(5_000)), {
      message: /INVALID_ARGUMENT: Token sequence length .* exceeds the maximum sequence length/,
    });
    assert.deepEqual(books.lost, lost);
    assert.deepEqual(books.breaches, []);
  });
});
