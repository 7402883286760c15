import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Rows } from "./run-translated.ts";

/** A model file that a library wrote, with rows and its answers to them. scripts/goldens/ made it. */
export interface Golden {
  readonly name: string;
  readonly file: Uint8Array;
  readonly rows: Rows;
  /** By name of the output, rows one after another. */
  readonly answers: ReadonlyMap<string, readonly unknown[]>;
  readonly rowCount: number;
  /** Which library wrote it and with which parameters, for models that were made at random. */
  readonly family: string;
  readonly about: string;
}

interface Listed {
  readonly file: string;
  readonly type: "float" | "double";
  readonly columns: number;
  readonly family?: string;
  readonly about?: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    /** Of answers that are not numbers; those are in the file of the rows, as doubles. */
    readonly values?: readonly unknown[];
  }[];
}

const fixtures = resolve(import.meta.dirname, "../../fixtures/trees");

/** The cases of `list`, such as "lightgbm-4.7.0.json", in `folder`: an absolute path, or one below test/fixtures/trees. */
export function readGoldens(folder: string, list: string): Golden[] {
  const listed = JSON.parse(readFileSync(resolve(fixtures, folder, list), "utf8")) as Listed[];
  return listed.map((each) => readGolden(folder, each));
}

/** A file of `folder`, for models that are to be refused. */
export function readFixture(folder: string, file: string): Uint8Array {
  // Not a Buffer, whose slices are views.
  return new Uint8Array(readFileSync(resolve(fixtures, folder, file)));
}

function readGolden(folder: string, listed: Listed): Golden {
  const { file, type, columns, outputs, family = folder, about = "" } = listed;
  // A buffer of its own, so that arrays of any type may lie in it.
  const bytes = new Uint8Array(readFileSync(resolve(fixtures, folder, `${file}.bin`))).buffer;
  const rowCount = outputs[0]?.shape[0] ?? 0;
  const count = rowCount * columns;
  const values =
    type === "float" ? new Float32Array(bytes, 0, count) : new Float64Array(bytes, 0, count);
  let at = values.byteLength;
  const answers = new Map<string, readonly unknown[]>();
  for (const output of outputs) {
    if (output.values !== undefined) {
      answers.set(output.name, output.values.flat());
      continue;
    }
    const length = output.shape.reduce((product, size) => product * size, 1);
    answers.set(output.name, Array.from(new Float64Array(bytes.slice(at, at + 8 * length))));
    at += 8 * length;
  }
  return {
    name: file,
    file: readFixture(folder, file),
    rows: { values, columns },
    answers,
    rowCount,
    family,
    about,
  };
}
