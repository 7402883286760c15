// Writes an inference request in the REST API's binary form: JSON, then the bytes of the tensors.
// Prints the length of the JSON, which goes into the header Inference-Header-Content-Length.
import { writeFile } from "node:fs/promises";

const measurements = [4.9, 3.1, 1.5, 0.1, 7.7, 3.8, 6.7, 2.2];
const bytes = new DataView(new ArrayBuffer(4 * measurements.length));
for (const [index, value] of measurements.entries()) bytes.setFloat32(4 * index, value, true);

const json = JSON.stringify({
  id: "two flowers",
  inputs: [
    {
      name: "measurements",
      shape: [2, 4],
      datatype: "FP32",
      parameters: { binary_data_size: bytes.byteLength },
    },
  ],
  outputs: [{ name: "label" }, { name: "probabilities", parameters: { binary_data: true } }],
});

const path = process.argv[2] ?? "examples/rest/iris.bin";
await writeFile(path, Buffer.concat([Buffer.from(json), Buffer.from(bytes.buffer)]));
console.log(Buffer.byteLength(json));
