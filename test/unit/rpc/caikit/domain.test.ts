import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { NlpService } from "../../../../gen/caikit/nlp-service_pb.ts";
import { serviceOfDomain } from "../../../../src/rpc/caikit/domain.ts";
import { DescriptorIndex } from "../../../../src/rpc/services/descriptor-index.ts";

describe("Caikit's service by its domain", () => {
  const service = serviceOfDomain("Guard");

  it("is the generated one where that is its domain", () => {
    assert.equal(serviceOfDomain("Nlp"), NlpService);
  });

  it("has the domain in its name and in those of its requests", () => {
    assert.equal(service.typeName, "caikit.runtime.Guard.GuardService");
    const { input, output } = service.method.rerankTasksPredict;
    assert.equal(input.typeName, "caikit.runtime.Guard.RerankTasksRequest");
    assert.equal(output, NlpService.method.rerankTasksPredict.output);
  });

  it("has the same calls and the same fields on the wire", () => {
    assert.deepEqual(Object.keys(service.method), Object.keys(NlpService.method));
    for (const [index, method] of service.methods.entries()) {
      const own = NlpService.methods[index]?.input;
      const fields = (message = own) => message?.fields.map(({ number, name }) => [number, name]);
      assert.deepEqual(fields(method.input), fields());
    }
    const { input } = NlpService.method.embeddingTaskPredict;
    const sent = toBinary(input, create(input, { text: "a", truncateInputTokens: -1n }));
    const read = fromBinary(service.method.embeddingTaskPredict.input, sent);
    assert.deepEqual([read.text, read.truncateInputTokens], ["a", -1n]);
  });

  it("can be learned through reflection, with everything that it imports", () => {
    const index = new DescriptorIndex([service.file]);
    const file = index.fileOfSymbol(service.typeName);
    assert.ok(file !== undefined);
    const files = index
      .encodeWithImports(file, new Set())
      .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const learned = createFileRegistry(
      create(FileDescriptorSetSchema, { file: files.toReversed() }),
    );
    assert.equal(learned.getService(service.typeName)?.methods.length, 9);
  });
});
