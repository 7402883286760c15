import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A longer line is cut here, so that an endless one cannot fill the memory. */
const maxLineLength = 8192;

/** Calls back for every non-empty line of `stream`, including an unfinished last one. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const emit = (line: string) => {
    const text = line.trimEnd();
    if (text !== "") onLine(text);
  };
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) emit(line.slice(0, maxLineLength));
    if (rest.length > maxLineLength) {
      emit(rest.slice(0, maxLineLength));
      rest = "";
    }
  });
  stream.on("error", () => {});
  stream.on("end", () => emit(rest));
}
