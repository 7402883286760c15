import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abortable } from "../base/abort.ts";
import { describeError } from "../base/errors.ts";
import type { Engine } from "../engine/contract/engine.ts";
import { smallestModel } from "../engine/onnx/session/smallest-model.ts";
import { type Finding, judgeOf } from "./finding.ts";

const limitMs = 30_000;
const advice =
  "reinstall the packages (npm ci); ONNX Runtime needs glibc (Alpine's musl does not work) and permission to start processes";

/** Whether a host starts, and whether ONNX Runtime runs the smallest possible model in it. */
export async function checkEngine(engine: Engine, version: string): Promise<Finding> {
  const judge = judgeOf("ONNX Runtime");
  const startMs = performance.now();
  const signal = AbortSignal.timeout(limitMs);
  let folder: string | undefined;
  try {
    await abortable(engine.ready, signal);
    folder = await mkdtemp(join(tmpdir(), "modelport-doctor-"));
    const file = join(folder, "model.onnx");
    await writeFile(file, smallestModel);
    const place = { path: file, name: file, roots: [folder], format: undefined };
    const source = await engine.inspect(await engine.locate(place));
    const model = await engine.load(source, { signal, isolated: false });
    const data = new Uint8Array(new Float32Array([42]).buffer);
    const inputs = [{ name: "x", datatype: "FP32", shape: [1], data: data.slice() }] as const;
    const [output] = await model.infer({ inputs, outputs: ["y"] }, signal);
    await model.unload();
    if (output === undefined || !data.every((byte, at) => byte === output.data[at])) {
      return judge("fail", `${version} computes wrong results`, "use another processor or build");
    }
    const tookMs = Math.round(performance.now() - startMs);
    return judge("ok", `${version} runs a model in a host, ${tookMs} ms after its start`);
  } catch (error) {
    const why = signal.aborted ? `no result within ${limitMs / 1000} s` : describeError(error);
    return judge("fail", `${version}: ${why}`, advice);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
