import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import type { Answer } from "./ledger.ts";
import type { Activity, SoakUser } from "./soak-user.ts";

/** Streams of inferences over a connection of their own, some given up half way. */
export function streamTraffic(transport: Transport): readonly Activity[] {
  const client = createClient(GRPCInferenceService, transport);

  async function run({ soak, random, name }: SoakUser): Promise<void> {
    const wanted = 1 + random.below(20);
    const leaveAfter = random.below(4) === 0 ? random.below(wanted) : wanted;
    const caller = new AbortController();
    await soak.ledger.track({
      kind: leaveAfter < wanted ? "stream, given up" : "stream",
      client: "connect-node gRPC stream",
      expected: leaveAfter < wanted ? ["OK", "Canceled"] : ["OK"],
      async send(): Promise<Answer> {
        let seen = 0;
        try {
          const answers = client.modelStreamInfer(requests(name, wanted), {
            signal: caller.signal,
          });
          for await (const { errorMessage, inferResponse } of answers) {
            const sum = new DataView(inferResponse?.rawOutputContents[0]?.slice().buffer ?? empty);
            const isRight =
              errorMessage === "" &&
              inferResponse?.id === `${name}-${seen}` &&
              sum.byteLength === 16 &&
              sum.getFloat32(0, true) === seen + 1;
            if (!isRight)
              return { code: "OK", problem: `answer ${seen} is wrong: ${errorMessage}` };
            if (++seen === leaveAfter && leaveAfter < wanted) caller.abort();
          }
        } catch (error) {
          const { code, rawMessage } = ConnectError.from(error);
          return { code: Code[code] ?? "?", message: rawMessage };
        }
        return seen === wanted
          ? { code: "OK" }
          : { code: "OK", problem: `${seen} answers to ${wanted} requests` };
      },
    });
  }

  return [{ name: "stream", weight: 6, run }];
}

const empty = new ArrayBuffer(0);

async function* requests(name: string, count: number) {
  for (let at = 0; at < count; at++) {
    yield {
      modelName: "tiny",
      id: `${name}-${at}`,
      inputs: [{ name: "x", datatype: "FP32", shape: [1n, 4n] }],
      rawInputContents: [new Uint8Array(Float32Array.of(at, 0, 0, 0).buffer)],
    };
  }
}
