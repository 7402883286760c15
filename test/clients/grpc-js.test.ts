import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

interface Label {
  readonly name: string;
  readonly contents: { readonly int64Contents: string[]; readonly bytesContents: Buffer[] };
}
interface Answer {
  readonly id: string;
  readonly outputs: readonly Label[];
}
interface StreamAnswer {
  readonly errorMessage: string;
  readonly inferResponse: Answer | null;
}

const protoFile = join(projectRoot, "proto/inference/inference.proto");
const service = grpc.loadPackageDefinition(loadSync(protoFile, { longs: String, defaults: true }));
const { GRPCInferenceService } = service["inference"] as grpc.GrpcObject;
const Client = GRPCInferenceService as grpc.ServiceClientConstructor;

const examples = join(projectRoot, "examples/requests");
const readExample = (name: string) => JSON.parse(readFileSync(join(examples, name), "utf8"));
const expected: Record<string, { label: (string | number)[] }> = readExample("expected.json");

describe("@grpc/grpc-js with the example models", () => {
  let served: Served;
  let client: grpc.Client & Record<string, CallableFunction>;

  before(async () => {
    served = await startServed(["--model-repository", join(projectRoot, "examples/models")]);
    await waitFor(() => served.output().includes("iris"), 60_000);
    const address = `localhost:${served.port}`;
    client = new Client(address, grpc.credentials.createInsecure()) as typeof client;
  });

  after(async () => {
    client?.close();
    await served?.stop();
  });

  for (const [name, { label }] of Object.entries(expected)) {
    it(`gets the known answer to ${name}`, async () => {
      const answer = await new Promise<Answer>((resolve, reject) => {
        client["ModelInfer"]?.(readExample(name), (error: Error | null, message: Answer) =>
          error === null ? resolve(message) : reject(error),
        );
      });
      assert.deepEqual(readLabel(answer), label);
    });
  }

  it("gets one answer to each request of a stream, in order, past one that fails", async () => {
    const stream: grpc.ClientDuplexStream<object, StreamAnswer> = client["ModelStreamInfer"]?.();
    stream.write({ ...readExample("digits.json"), id: "a" });
    stream.write({ ...readExample("digits.json"), modelName: "nobody", id: "b" });
    stream.write({ ...readExample("iris.json"), id: "c" });
    stream.end();
    const answers = await stream.toArray();
    assert.equal(answers.length, 3);
    const [first, second, third] = answers;
    assert.deepEqual(readLabel(first?.inferResponse), expected["digits.json"]?.label);
    assert.match(second?.errorMessage ?? "", /nobody/);
    assert.deepEqual(readLabel(third?.inferResponse), expected["iris.json"]?.label);
    assert.deepEqual([first?.inferResponse?.id, third?.inferResponse?.id], ["a", "c"]);
  });
});

/** As expected.json has it: numbers, or text for BYTES. */
function readLabel(answer: Answer | null | undefined): (string | number)[] | undefined {
  const contents = answer?.outputs.find(({ name }) => name === "label")?.contents;
  if (contents === undefined) return undefined;
  const texts = contents.bytesContents.map(String);
  return texts.length > 0 ? texts : contents.int64Contents.map(Number);
}
