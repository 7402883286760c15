import { parseArgs } from "node:util";

export const areaNames = [
  "rpc",
  "inference",
  "lifecycle",
  "scaling",
  "peers",
  "trees",
  "text",
  "payload-log",
] as const;
export type AreaName = (typeof areaNames)[number];

export interface BenchOptions {
  readonly areas: readonly AreaName[];
  /** One short round of everything, to see that it works; its figures mean little. */
  readonly quick: boolean;
  /** Also puts the results into docs/performance.md. */
  readonly writeDocs: boolean;
  /** Flags for `modelport serve`, for comparing settings. */
  readonly serveFlags: readonly string[];
}

export const usage = `npm run bench -- [options]

  --only AREAS      some of ${areaNames.join(", ")}, separated by commas
  --quick           one short round of everything: shows that it works, not how fast it is
  --write-docs      also publishes the results, in docs/performance.md; whole runs only
  --serve=FLAGS     flags for \`modelport serve\`, as one argument
`;

/** Reads the arguments behind the program's name. Throws an Error that says what is wrong. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      "write-docs": { type: "boolean", default: false },
      serve: { type: "string", default: "" },
    },
  });
  if (values["write-docs"] && (values.quick || values.only !== undefined)) {
    throw new Error("--write-docs publishes whole runs, without --quick and --only");
  }
  return {
    areas: values.only === undefined ? areaNames : values.only.split(",").map(readArea),
    quick: values.quick,
    writeDocs: values["write-docs"],
    serveFlags: values.serve.split(" ").filter((flag) => flag !== ""),
  };
}

function readArea(text: string): AreaName {
  const area = areaNames.find((name) => name === text.trim());
  if (area === undefined) {
    throw new Error(`--only has "${text}", expected some of ${areaNames.join(", ")}`);
  }
  return area;
}
