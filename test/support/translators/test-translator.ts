import { writeFileSync, writeSync } from "node:fs";
import { RuntimeError } from "../../../src/base/errors.ts";
import { limitOwnMemory } from "../../../src/engine/translator/memory-limit.ts";
import { serveTranslator } from "../../../src/engine/translator/serve-translator.ts";
import type { Translate } from "../../../src/engine/translator/translation.ts";
import { encodeModel } from "../models/onnx-builder.ts";

// A translator process for tests. It does what the first word of a file says.

let count = 0;
const kept: Uint8Array[] = [];

const translate: Translate = (file, { maxSplits }) => {
  const [word = "", argument = ""] = Buffer.from(file).toString("latin1").split(" ");
  switch (word) {
    case "add":
      return { onnx: adds(Number(argument)), splits: 10 };
    case "pid":
      // What is in the output shows which process has made it, and how many files that had translated before.
      return { onnx: Buffer.from(`${process.pid} ${count++}`), splits: 1 };
    case "grow":
      kept.push(new Uint8Array(Number(argument) * 1024 * 1024).fill(1));
      return { onnx: Buffer.from(`${process.pid} ${count++}`), splits: 1 };
    case "second":
      // Fails unless it is the first file of its process.
      if (count > 0) throw new TypeError("there was a file before");
      return { onnx: Buffer.from(`${process.pid} ${count++}`), splits: 1 };
    case "refuse":
      throw new RuntimeError(
        "invalid-argument",
        `tree 3 has a cycle at node ${maxSplits > 0 ? 7 : 0}`,
      );
    case "break":
      throw new TypeError("a bug of the translator");
    case "hang":
      // Tells the test that it is here.
      writeFileSync(argument, String(process.pid));
      for (;;);
    case "exit":
      return process.exit(Number(argument));
    case "kill":
      process.kill(process.pid, "SIGKILL");
      for (;;);
    case "heap": {
      const all: unknown[] = [];
      for (;;) all.push(Array.from({ length: 1_000 }, (_, at) => ({ at })));
    }
    case "buffers": {
      for (;;) kept.push(new Uint8Array(64 * 1024 * 1024).fill(1));
    }
    case "print":
      writeSync(1, `${argument}\n`);
      return process.exit(0);
    case "flood":
      for (;;) writeSync(1, "x".repeat(65_536));
    default:
      throw new RuntimeError("invalid-argument", `it begins with '${word}'`);
  }
};

/** "predict" = "input" plus a number, for any number of rows of two columns. */
function adds(number: number): Uint8Array {
  return encodeModel({
    inputs: [{ name: "input", datatype: "FP32", shape: ["N", 2] }],
    outputs: [{ name: "predict", datatype: "FP32", shape: ["N", 2] }],
    nodes: [{ op: "Add", inputs: ["input", "number"], outputs: ["predict"] }],
    constants: [
      {
        name: "number",
        datatype: "FP32",
        shape: [],
        content: { raw: new Uint8Array(Float32Array.of(number).buffer) },
      },
    ],
  }).finish();
}

limitOwnMemory(Number(process.argv[3]));
serveTranslator(translate);
