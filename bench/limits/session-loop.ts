// The limit of inference: a loop around ONNX Runtime in one process on one thread. Arguments: the model
// file, the shape of its input "x" as JSON, seconds to warm up and to measure.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { quantile } from "../measurements.ts";

/** What the process prints, as JSON. */
export interface SessionLoopResult {
  readonly perSecond: number;
  readonly p50Us: number;
}

const [file = "", shapeJson = "[]", warmUpSeconds, seconds] = process.argv.slice(2);
const shape = JSON.parse(shapeJson) as number[];
const count = shape.reduce((product, size) => product * size, 1);
const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
const feeds = { x: new Tensor("float32", new Float32Array(count).fill(0.5), shape) };

const startMs = performance.now() + Number(warmUpSeconds) * 1000;
const endMs = startMs + Number(seconds) * 1000;
const timesUs: number[] = [];
for (let beganMs = performance.now(); beganMs < endMs; ) {
  await session.run(feeds);
  const nowMs = performance.now();
  if (beganMs >= startMs) timesUs.push((nowMs - beganMs) * 1000);
  beganMs = nowMs;
}
const totalUs = timesUs.reduce((sum, timeUs) => sum + timeUs, 0);
const result: SessionLoopResult = {
  perSecond: (timesUs.length / totalUs) * 1e6,
  p50Us: quantile(timesUs, 0.5),
};
process.stdout.write(JSON.stringify(result));
