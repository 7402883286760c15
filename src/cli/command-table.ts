import { logLevels } from "../config/log-levels.ts";
import type { CommandSpec, OptionSpec, RunCommand } from "./command.ts";
import { clientOptions, outputOption } from "./connect/client-options.ts";

interface CommandEntry extends CommandSpec {
  /** Its code, imported only when the command runs: a probe has to start fast. */
  load(): Promise<{ readonly run: RunCommand }>;
}

const model = { name: "MODEL", isModel: true } as const;

/** The client options, with this default timeout in seconds, and the output format. */
function calling(timeoutSeconds?: number): Record<string, OptionSpec> {
  const { timeout } = clientOptions;
  const limited = timeoutSeconds === undefined ? {} : { default: `${timeoutSeconds}` };
  return { output: outputOption, ...clientOptions, timeout: { ...timeout, ...limited } };
}

/** The options of commands that take texts. */
const textOptions: Record<string, OptionSpec> = {
  lines: {
    value: "FILE",
    isFile: true,
    doc: "read texts from a file as well, one per line; - is stdin",
  },
  ...calling(),
};

const truncate: OptionSpec = {
  doc: "cut texts that are too long for the model, instead of refusing them",
};

/** Every command that calls a runtime, by name, in the order that help shows them. */
export const commandTable: Readonly<Record<string, CommandEntry>> = {
  status: {
    summary: "show the state of a runtime: models, memory, traffic",
    operands: [],
    options: calling(30),
    examples: ["status", "status --address unix:/tmp/mmesh/grpc.sock --output json"],
    load: () => import("./commands/status.ts"),
  },
  models: {
    summary: "list all models, or show one in detail",
    operands: [{ ...model, isOptional: true }],
    options: {
      ...calling(30),
      output: {
        ...outputOption,
        choices: ["text", "json", "names"],
        doc: "output format: text for people, json for programs, or names, one per line",
      },
    },
    examples: ["models", "models digits"],
    load: () => import("./commands/list-models.ts"),
  },
  load: {
    summary: "load a model, and wait until it can serve",
    operands: [model],
    options: {
      path: {
        value: "PATH",
        doc: "file or directory, as the runtime sees it; default: the model of that name in the local repository",
      },
      type: { value: "TYPE", doc: "model type, such as mt:onnx; default: detected from the file" },
      key: { value: "JSON", doc: "model key: settings for this model, as ModelMesh passes them" },
      ...calling(),
    },
    examples: ["load digits", "load my-digits --path digits/model.onnx"],
    load: () => import("./commands/load.ts"),
  },
  unload: {
    summary: "unload a model, and wait until its memory is free",
    operands: [model],
    options: calling(),
    examples: ["unload my-digits"],
    load: () => import("./commands/unload.ts"),
  },
  infer: {
    summary: "run a model once",
    operands: [model, { name: "INPUT", isOptional: true, isRepeated: true }],
    options: {
      request: {
        value: "FILE",
        isFile: true,
        doc: "read the inputs from a REST request (JSON); - is stdin",
      },
      zeros: { doc: "send zeros (empty strings for BYTES), to check that the model runs" },
      outputs: { value: "NAMES", doc: "return only these outputs, separated by commas" },
      "model-version": {
        value: "VERSION",
        doc: "number or alias; default: the highest version that is ready",
      },
      ...calling(),
    },
    examples: [
      "infer iris '[[6.0, 2.7, 5.1, 1.6]]'",
      "infer digits image=@digit.npy --outputs label --output json",
    ],
    load: () => import("./commands/infer.ts"),
  },
  embed: {
    summary: "turn texts into vectors",
    operands: [model, { name: "TEXT", isOptional: true, isRepeated: true }],
    options: { truncate, ...textOptions },
    examples: [
      "embed sentences 'Is it still raining?'",
      "embed sentences --lines texts.txt --output json",
    ],
    load: () => import("./commands/embed-texts.ts"),
  },
  rerank: {
    summary: "order texts by how well they answer a query",
    operands: [model, { name: "QUERY" }, { name: "TEXT", isOptional: true, isRepeated: true }],
    options: {
      top: { value: "NUMBER", doc: "show only so many, the best ones" },
      truncate,
      ...textOptions,
    },
    examples: ["rerank sentences 'How is the weather?' 'It rains.' 'Bread is in the oven.'"],
    load: () => import("./commands/rerank-texts.ts"),
  },
  classify: {
    summary: "find the class of texts, or the entities in them",
    operands: [model, { name: "TEXT", isOptional: true, isRepeated: true }],
    options: textOptions,
    examples: ["classify MODEL 'What a lovely day'"],
    load: () => import("./commands/show-classes.ts"),
  },
  watch: {
    summary: "follow every change until Ctrl-C",
    operands: [{ ...model, isOptional: true }],
    options: {
      retry: { doc: "reconnect when the connection is lost" },
      ...calling(),
    },
    examples: ["watch", "watch digits --output json"],
    load: () => import("./commands/watch.ts"),
  },
  probe: {
    summary: "check whether a runtime is live or ready, or a model is ready",
    operands: [
      { name: "WHAT", isOptional: true, choices: ["ready", "live", "model"] },
      { ...model, isOptional: true },
    ],
    options: {
      wait: { value: "SECONDS", doc: "retry for up to this long until the check succeeds" },
      ...calling(5),
    },
    examples: ["probe", "probe live", "probe model digits --wait 60"],
    load: () => import("./commands/probe-server.ts"),
  },
  "log-level": {
    summary: "show a runtime's minimum log level, or change it until the next start",
    operands: [{ name: "LEVEL", isOptional: true, choices: logLevels }],
    options: calling(30),
    examples: ["log-level", "log-level debug"],
    load: () => import("./commands/log-level.ts"),
  },
  version: {
    summary: "show the version of this command, and of a runtime",
    operands: [],
    options: { server: { doc: "show the runtime's version as well" }, ...calling(30) },
    examples: ["version", "version --server"],
    load: () => import("./commands/show-version.ts"),
  },
};
