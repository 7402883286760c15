import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Calls, callsOf } from "../clients/calls.ts";
import { clientKinds } from "../clients/clients.ts";
import { slowLoop } from "../models/heavy-models.ts";
import { writeWeightsModel } from "../models/layered-models.ts";
import { addOne } from "../models/simple-models.ts";
import { type Served, startServed } from "./served.ts";

const MiB = 1024 * 1024;

export interface ServedCalls {
  readonly served: Served;
  /** Over grpc-js. */
  readonly calls: Calls;
}

/** Puts "add1.onnx", "slow.onnx" and "big.onnx", of 200 MiB, into `root`. */
export async function writeServedModels(root: string): Promise<void> {
  await writeFile(join(root, "add1.onnx"), addOne());
  await writeFile(join(root, "slow.onnx"), slowLoop());
  await writeWeightsModel(join(root, "big.onnx"), 200 * MiB);
}

/** The program over the models of `root`, with a client. Killed at the end of the test if it still runs. */
export async function startServedCalls(
  t: TestContext,
  root: string,
  flags: readonly string[],
): Promise<ServedCalls> {
  const served = await startServed(["--root-model-dir", root, ...flags]);
  const client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: served.port });
  assert.ok(client);
  t.after(async () => {
    client.close();
    await served.stop("SIGKILL");
  });
  return { served, calls: callsOf(client) };
}
