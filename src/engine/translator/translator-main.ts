import { writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { preferForOom } from "../child/oom-score.ts";
import { limitOwnMemory } from "./memory-limit.ts";
import { runTranslator } from "./run-translator.ts";
import { translators } from "./translators.ts";

// Entry point of a translator: a process that makes an ONNX model of one file, and ends. The file may be huge or
// hostile, so nothing of this runs in the server or beside other models.

// Ctrl-C in a terminal and a container's stop signal the whole process group; the server decides when to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.title = "modelport-translator";
preferForOom();
const [, , call = "", memoryBytes] = process.argv;
limitOwnMemory(Number(memoryBytes));
const line = await runTranslator(call, translators);
writeSync(1, line);
flushCompileCache();
