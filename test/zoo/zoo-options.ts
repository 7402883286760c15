import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../support/servers/served.ts";

/** In the order of the table. */
const zooKinds = [
  "node",
  "simple",
  "pytorch-operator",
  "pytorch-converted",
  "light",
  "packages",
  "sklearn",
  "xgboost",
  "lightgbm",
] as const;

export interface ZooOptions {
  readonly kinds: readonly string[];
  /** Which names are made and tried. */
  readonly only: string;
  /** Models in flight at once. */
  readonly concurrency: number;
  /** Where models are made, and archives of packages are kept. */
  readonly work: string;
  readonly packages: string;
  /** Whether models of an earlier run are tried again, without Python. */
  readonly reuse: boolean;
  /** Whether docs/compatibility.md is written; whether the sample of `npm test` is. */
  readonly write: boolean;
  readonly writeSample: boolean;
}

export const usage = `npm run zoo -- [options]

  --kinds KINDS      some of ${zooKinds.join(", ")}, torch, separated by commas; all but torch if left out
  --torch            exports of PyTorch too: torch must be there for Python already, since it weighs gigabytes
  --only PATTERN     only models whose name matches this regular expression
  --concurrency N    models in flight at once, 4 if left out
  --reuse            tries the models of the last run again, without making them anew
  --write            writes the tables of docs/compatibility.md; whole runs without a fault only
  --write-sample     writes test/zoo/sample/cases.json.gz; whole runs only

MODELPORT_PYTHON names a Python that has test/zoo/requirements.txt; else one is set up in node_modules/.cache/zoo.
`;

/** Reads the command line. Throws an Error that says what is wrong. */
export function readZooOptions(argv: readonly string[]): ZooOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kinds: { type: "string" },
      torch: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      concurrency: { type: "string", default: "4" },
      reuse: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      "write-sample": { type: "boolean", default: false },
    },
    strict: true,
  });
  const isPart = values.kinds !== undefined || values.only !== "";
  if (isPart && (values.write || values["write-sample"])) {
    throw new Error("--write and --write-sample are for whole runs, without --kinds and --only");
  }
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new Error(`--concurrency is "${values.concurrency}", expected an integer of at least 1`);
  }
  const known = [...zooKinds, "torch"];
  const kinds = values.kinds?.split(",") ?? [...zooKinds, ...(values.torch ? ["torch"] : [])];
  const unknown = kinds.find((kind) => !known.includes(kind));
  if (unknown !== undefined) {
    throw new Error(`--kinds has "${unknown}", expected some of ${known.join(", ")}`);
  }
  const cache = join(projectRoot, "node_modules/.cache/zoo");
  return {
    kinds,
    only: values.only,
    concurrency,
    work: join(cache, "work"),
    packages: join(cache, "packages"),
    reuse: values.reuse,
    write: values.write,
    writeSample: values["write-sample"],
  };
}
