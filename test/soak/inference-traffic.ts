import { Code, ConnectError } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import type { Datatype } from "../../src/base/tensor.ts";
import type { Random } from "../support/attacks/mutate.ts";
import type { Elements, WayAnswer } from "../support/clients/inference-ways.ts";
import { packElements, type TensorElement } from "../support/models/tensor-elements.ts";
import type { Answer } from "./ledger.ts";
import { adderCount, identityDatatypes } from "./soak-models.ts";
import {
  type Activity,
  countSuccess,
  kindBy,
  type NamedClient,
  type SoakUser,
  toAnswer,
} from "./soak-user.ts";

const { modelInfer } = GRPCInferenceService.method;
/** Batching and other threads may change the order of sums. */
const tolerance = 1e-4;

/** Inferences whose answers are known to the byte or the number. */
export const inferenceTraffic: readonly Activity[] = [
  { name: "identity", weight: 30, run: inferIdentity },
  { name: "reference", weight: 20, run: inferReference },
  { name: "tiny, by ModelMesh", weight: 30, run: (user) => inferTiny(user, user.soak.mesh) },
  { name: "tiny, by any client", weight: 8, run: (user) => inferTiny(user, anyClient(user)) },
  // Without one that succeeds now and then, hosts that the soak kills would count against the model.
  { name: "patience", weight: 2, run: ({ soak }) => inferSlowly(soak, {}, ["OK"]) },
  { name: "deadline", weight: 2, run: inferWithDeadline },
  { name: "cancel", weight: 2, run: inferAndCancel },
];

export function anyClient({ soak, random }: SoakUser): NamedClient {
  return random.pick(soak.clients);
}

async function inferIdentity({ soak, random, name }: SoakUser): Promise<void> {
  const tensor = randomElements(random, random.pick(identityDatatypes));
  const way = random.pick(soak.ways);
  if (!way.carries(tensor)) return;
  const model = `identity-${tensor.datatype.toLowerCase()}`;
  const id = `${name}-${random.below(1e9)}`;
  await soak.ledger.track({
    kind: "identity model",
    client: way.name,
    expected: ["OK"],
    async send() {
      try {
        const problem = differenceIn(await way.infer(model, tensor, id), tensor, id);
        countSuccess(soak, model);
        return { code: "OK", problem };
      } catch (error) {
        return failureOf(error);
      }
    },
  });
}

function differenceIn(answer: WayAnswer, { datatype, shape, elements }: Elements, id: string) {
  if (answer.id !== id) return `the answer is for ${answer.id}, not ${id}`;
  if (answer.datatype !== datatype) return `${datatype} came back as ${answer.datatype}`;
  if (`${answer.shape}` !== `${shape}`) return `[${shape}] came back as [${answer.shape}]`;
  const same = Buffer.from(packElements(datatype, elements)).equals(answer.data);
  return same ? undefined : `other bytes came back for ${datatype} [${shape}]`;
}

function randomElements(random: Random, datatype: Datatype): Elements {
  // Mostly small; now and then some hundred kilobytes.
  const columns = random.below(20) === 0 ? 4096 : 1 + random.below(64);
  const shape = [1 + random.below(4), columns];
  const length = (shape[0] ?? 1) * columns;
  return {
    datatype,
    shape,
    elements: Array.from({ length }, () => randomElement(random, datatype)),
  };
}

function randomElement(random: Random, datatype: Datatype): TensorElement {
  switch (datatype) {
    case "BOOL":
      return random.below(2) === 1;
    case "INT64":
      return BigInt(random.below(2 ** 31)) * 4_294_967_291n - 2n ** 62n;
    case "BYTES":
      return "Größe 模型 ☃".repeat(random.below(3)) + random.below(1000);
    case "FP16":
      // Below the infinities and NaN, whose bits an engine need not keep.
      return random.below(0x7c00);
    default:
      return Math.fround(random.below(2 ** 24) / 1024 + 1);
  }
}

async function inferReference(user: SoakUser): Promise<void> {
  const { soak, random } = user;
  const { modelName, shape, cases } = random.pick(
    soak.references as [(typeof soak.references)[number]],
  );
  const { input, output } = random.pick(cases as [(typeof cases)[number]]);
  const by = random.below(2) === 0 ? soak.mesh : anyClient(user);
  const { name, client } = by;
  const contents = { fp32Contents: [...input] };
  const inputs = [{ name: "x", datatype: "FP32", shape: shape.map(BigInt), contents }];
  await soak.ledger.track({
    kind: kindBy(soak, by, `${modelName} model`),
    client: name,
    expected: ["OK"],
    async send() {
      // The name in the message is what ModelMesh's own header overrules.
      const header = { "mm-model-id": modelName };
      const outcome = await client.call(modelInfer, { modelName: "other", inputs }, { header });
      if (outcome.ok) countSuccess(soak, modelName);
      return toAnswer(outcome, (message) => {
        const values = fp32In(message);
        const isSame =
          values.length === output.length &&
          values.every((value, at) => Math.abs(value - (output[at] ?? Number.NaN)) <= tolerance);
        return isSame
          ? undefined
          : `${modelName} gave ${values.slice(0, 4)}…, not ${output.slice(0, 4)}…`;
      });
    },
  });
}

async function inferTiny(user: SoakUser, by: NamedClient): Promise<void> {
  const { name, client } = by;
  const values = Array.from({ length: 4 }, () => user.random.below(1000));
  await user.soak.ledger.track({
    kind: kindBy(user.soak, by, "tiny model"),
    client: name,
    expected: ["OK"],
    send: async () => {
      const answer = await addThrough(client, { model: "tiny", values, amount: 1 });
      if (answer.code === "OK") countSuccess(user.soak, "tiny");
      return answer;
    },
  });
}

/** Asks an adder and compares its answer. */
export async function addThrough(
  client: NamedClient["client"],
  { model, values, amount }: { model: string; values: readonly number[]; amount: number },
): Promise<Answer> {
  const contents = { fp32Contents: [...values] };
  const inputs = [{ name: "x", datatype: "FP32", shape: [1n, 4n], contents }];
  // As ModelMesh sends it: always in the binary form, as text as well where that can be.
  const bin = Buffer.from(model).toString("base64").replace(/=+$/, "");
  const isPrintable = /^[ -~]*$/.test(model);
  const header = { "mm-model-id-bin": bin, ...(isPrintable ? { "mm-model-id": model } : {}) };
  const outcome = await client.call(modelInfer, { inputs }, { header });
  return toAnswer(outcome, (message) => {
    const sums = fp32In(message);
    if (`${sums}` === `${values.map((value) => value + amount)}`) return undefined;
    const other = Math.round((sums[0] ?? Number.NaN) - (values[0] ?? 0));
    const known = other >= 1 && other <= adderCount ? `that of add-${other}` : `${sums}`;
    return `the answer to ${model} is ${known}, not that of add-${amount}`;
  });
}

async function inferWithDeadline({ soak, random }: SoakUser): Promise<void> {
  const timeoutMs = 5 + random.below(60);
  await inferSlowly(soak, { timeoutMs }, ["OK", "DeadlineExceeded"]);
}

async function inferAndCancel({ soak, random }: SoakUser): Promise<void> {
  const caller = new AbortController();
  const timer = setTimeout(() => caller.abort(), random.below(60));
  await inferSlowly(soak, { signal: caller.signal }, ["OK", "Canceled"]);
  clearTimeout(timer);
}

async function inferSlowly(
  soak: SoakUser["soak"],
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  expected: readonly string[],
): Promise<void> {
  const x = {
    name: "x",
    datatype: "FP32",
    shape: [1n, 4n],
    contents: { fp32Contents: [1, 2, 3, 4] },
  };
  const n = { name: "n", datatype: "INT64", shape: [1n], contents: { int64Contents: [10n] } };
  const { name, client } = soak.mesh;
  await soak.ledger.track({
    kind: `slow model${options.timeoutMs ? " with deadline" : ""}${options.signal ? ", cancelled" : ""}`,
    client: name,
    expected,
    send: async () =>
      toAnswer(await client.call(modelInfer, { modelName: "slow", inputs: [x, n] }, options)),
  });
}

function fp32In(message: unknown): number[] {
  const { outputs } = message as { outputs?: { contents?: { fp32Contents?: number[] } }[] };
  return outputs?.[0]?.contents?.fp32Contents ?? [];
}

/** What a way throws, which for REST starts with the status. */
function failureOf(error: unknown): Answer {
  if (error instanceof ConnectError) {
    return { code: Code[error.code] ?? "?", message: error.rawMessage };
  }
  const message = error instanceof Error ? error.message : String(error);
  const [, status] = /^(\d{3}): /.exec(message) ?? [];
  return { code: status === undefined ? "no answer" : `HTTP ${status}`, message };
}
