import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { addThrough, anyClient } from "./inference-traffic.ts";
import type { Answer } from "./ledger.ts";
import { adderCount } from "./soak-models.ts";
import {
  type Activity,
  kindBy,
  type NamedClient,
  type Soak,
  type SoakUser,
  toAnswer,
} from "./soak-user.ts";

const { loadModel, unloadModel, modelSize, predictModelSize, runtimeStatus } = ModelRuntime.method;

/** Models that come and go, as ModelMesh makes them do. Every id belongs to one user. */
export const lifecycleTraffic: readonly Activity[] = [
  { name: "load, run, unload", weight: 12, run: (user) => liveAndDie(user, user.soak.mesh) },
  { name: "the same by any client", weight: 3, run: (user) => liveAndDie(user, anyClient(user)) },
  { name: "cancelled load", weight: 3, run: cancelLoad },
  { name: "prediction", weight: 5, run: predict },
  { name: "loads that fail", weight: 3, run: failToLoad },
];

interface LifecycleCall {
  readonly soak: Soak;
  readonly by: NamedClient;
  readonly id: string;
  /** `soak.purges` when the model was loaded. */
  readonly bornAt: number;
}

/** Codes of models that a runtimeStatus took away meanwhile. */
const purgedCodes = ["NotFound", "Canceled", "Aborted", "Unavailable"];

function withPurges({ soak, bornAt }: LifecycleCall, ...right: string[]): () => string[] {
  return () => {
    const isQuiet = soak.purges === bornAt && bornAt % 2 === 0;
    return isQuiet ? right : ["OK", ...right, ...purgedCodes];
  };
}

async function liveAndDie(user: SoakUser, by: NamedClient): Promise<void> {
  const { soak, random, name } = user;
  const id = `${name}-${random.below(4)}${random.pick(["", "/ü 模型", "-x"])}`;
  const call: LifecycleCall = { soak, by, id, bornAt: soak.purges };
  for (let loads = 1 + random.below(2); loads > 0; loads--) {
    const amount = 1 + random.below(adderCount);
    await load(call, `add-${amount}.onnx`);
    for (let runs = random.below(5); runs > 0; runs--) await add(call, amount);
    await size(call, "OK");
  }
  if (random.below(6) === 0) {
    await load(call, random.pick(["medium.onnx", "medium.onnx", "big.onnx"]));
    await size(call, "OK");
  }
  await unload(call);
  await size(call, "NotFound");
  // NOT_FOUND makes ModelMesh load the model again: nothing else will do here.
  await add(call, 0, "NotFound");
}

async function cancelLoad({ soak, random, name }: SoakUser): Promise<void> {
  const call: LifecycleCall = { soak, by: soak.mesh, id: `${name}-cancelled`, bornAt: soak.purges };
  const caller = new AbortController();
  const timer = setTimeout(() => caller.abort(), random.below(80));
  const file = random.pick(["add-1.onnx", "medium.onnx", "big.onnx"]);
  await load(call, file, { signal: caller.signal, expected: ["OK", "Canceled"] });
  clearTimeout(timer);
  await sleep(random.below(20));
  await unload(call);
  await size(call, "NotFound");
}

async function predict({ soak, random, name }: SoakUser): Promise<void> {
  const { client, name: by } = soak.mesh;
  const file = random.pick(["add-1.onnx", "medium.onnx", "big.onnx", "missing.onnx"]);
  const modelPath = join(soak.root, "library", file);
  await soak.ledger.track({
    kind: "predictModelSize",
    client: by,
    expected: ["OK"],
    send: async () =>
      toAnswer(
        await client.call(predictModelSize, { modelId: name, modelPath, modelType: "onnx" }),
        sizeProblem,
      ),
  });
}

async function failToLoad({ soak, random, name }: SoakUser): Promise<void> {
  const call: LifecycleCall = { soak, by: soak.mesh, id: `${name}-failing`, bornAt: soak.purges };
  const [file, code] = random.pick<[string, string]>([
    ["junk.onnx", "InvalidArgument"],
    ["half.onnx", "InvalidArgument"],
    ["missing.onnx", "FailedPrecondition"],
    ["unknown-op.onnx", "InvalidArgument"],
    ["../../outside.onnx", "InvalidArgument"],
  ]);
  await load(call, file, { expected: [code] });
  await unload(call);
}

async function load(
  call: LifecycleCall,
  file: string,
  { signal, expected = ["OK"] }: { signal?: AbortSignal; expected?: string[] } = {},
): Promise<Answer> {
  const { soak, by, id } = call;
  const modelPath = `${soak.root}/library/${file}`;
  return await soak.ledger.track({
    kind: kindBy(soak, by, file === "big.onnx" ? "loadModel, 40 MiB" : "loadModel, small"),
    client: by.name,
    expected: withPurges(call, ...expected),
    send: async () =>
      toAnswer(
        await by.client.call(
          loadModel,
          { modelId: id, modelPath, modelType: "mt:onnx", modelKey: "" },
          signal === undefined ? {} : { signal },
        ),
        sizeProblem,
      ),
  });
}

async function add(call: LifecycleCall, amount: number, expected = "OK"): Promise<void> {
  const { soak, by, id } = call;
  await soak.ledger.track({
    kind: kindBy(soak, by, "inference on a model that comes and goes"),
    client: by.name,
    expected: withPurges(call, expected),
    send: () => addThrough(by.client, { model: id, values: [1, 2, 3, 4], amount }),
  });
}

async function size(call: LifecycleCall, expected: string): Promise<void> {
  const { soak, by, id } = call;
  await soak.ledger.track({
    kind: kindBy(soak, by, "modelSize"),
    client: by.name,
    expected: withPurges(call, expected),
    send: async () => toAnswer(await by.client.call(modelSize, { modelId: id }), sizeProblem),
  });
}

async function unload({ soak, by, id }: LifecycleCall): Promise<void> {
  await soak.ledger.track({
    kind: kindBy(soak, by, "unloadModel"),
    client: by.name,
    expected: ["OK"],
    send: async () => toAnswer(await by.client.call(unloadModel, { modelId: id })),
  });
}

/** ModelMesh starts anew: everything that it had loaded is unloaded. */
export async function restartModelMesh(soak: Soak): Promise<void> {
  soak.purges++;
  await soak.ledger.track({
    kind: "runtimeStatus with its purge",
    client: soak.mesh.name,
    expected: ["OK"],
    send: async () => toAnswer(await soak.mesh.client.call(runtimeStatus, {})),
  });
  soak.purges++;
}

function sizeProblem(message: unknown): string | undefined {
  const { sizeInBytes } = message as { sizeInBytes?: string };
  return Number(sizeInBytes ?? 0) > 0 ? undefined : "a size of 0";
}
