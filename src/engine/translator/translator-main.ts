import { preferForOom } from "../child/oom-score.ts";
import { limitOwnMemory } from "./memory-limit.ts";
import { sealIntrinsics } from "./seal-intrinsics.ts";
import { serveTranslator } from "./serve-translator.ts";
import { translators } from "./translators.ts";

// Entry point of a translator: a process that makes ONNX models of a few files, one after another. The files may be huge
// or hostile, so nothing of this runs in the server or beside other models.

// Ctrl-C in a terminal and a container's stop signal the whole process group; the server decides when to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.title = "modelport-translator";
preferForOom();
const [, , format = "", memoryBytes] = process.argv;
// Its code is not of the file's making, and compiling it may take much.
const translate = await translators[format]?.();
if (translate === undefined) throw new Error(`no translator for '${format}'`);
limitOwnMemory(Number(memoryBytes));
sealIntrinsics();
serveTranslator(translate);
