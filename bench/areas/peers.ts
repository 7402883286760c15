import type { UnaryCall } from "../load/grpc-connection.ts";
import { callOnce } from "../load/grpc-connection.ts";
import { inferElements } from "../messages.ts";
import { type BenchModel, conv, mlp } from "../models.ts";
import { caikit } from "../peers/caikit.ts";
import { mlServer } from "../peers/mlserver.ts";
import { modelport } from "../peers/modelport.ts";
import type { Peer } from "../peers/peer.ts";
import type { Program } from "../program.ts";
import { requireSame } from "../require-same.ts";
import type { Workbench } from "../workbench.ts";

// Other model servers with the same models, the same inputs, the same load and the same core.

const models: readonly BenchModel[] = [mlp, conv];
const others: readonly Peer[] = [mlServer, caikit];
const inFlights = [1, 64];
const rounds = { full: 3, quick: 1 };

interface Started {
  readonly peer: Peer;
  readonly program: Program;
}

export async function measurePeers(bench: Workbench): Promise<void> {
  for (const { name, missing } of others) {
    if (missing !== undefined) bench.measurements.skip(name, missing);
  }
  const present = others.filter(({ missing }) => missing === undefined);
  if (present.length === 0) return;
  const files = await Promise.all(
    models.map(async (model) => ({
      model,
      file: await bench.put(`${model.name}.onnx`, model.make()),
    })),
  );
  const servers: Started[] = [];
  for (const peer of [modelport, ...present]) {
    servers.push({ peer, program: await peer.start(bench, files) });
  }
  for (let round = 0; round < bench.choose(rounds); round++) {
    for (const model of models) await measureModel(bench, model, servers);
  }
  await Promise.all(servers.map(({ program }) => program.stop()));
}

async function measureModel(
  bench: Workbench,
  model: BenchModel,
  servers: readonly Started[],
): Promise<void> {
  const elements = inferElements(model.shape);
  const results: Float32Array[] = [];
  for (const { peer, program } of servers) {
    const call = peer.callOf(model, elements);
    const answer = await callOnce(program.port, call);
    results.push(peer.valuesIn(answer));
    for (const streams of inFlights) {
      const answerBytes = answer.byteLength;
      const plan = { ...(await planFor(bench, call)), port: program.port, streams, answerBytes };
      await bench.measure(`peers/${model.name}, ${streams} in flight/${peer.name}`, plan);
    }
  }
  requireEqual(results);
}

async function planFor(bench: Workbench, { path, frame, metadata = {} }: UnaryCall) {
  return { path, metadata, bodyFiles: [await bench.put("request", frame)] } as const;
}

/** Throws unless all servers returned the same results: otherwise they did not do the same work. */
function requireEqual([first = new Float32Array(), ...others]: readonly Float32Array[]): void {
  for (const values of others) requireSame(first, values, 1e-3);
}
