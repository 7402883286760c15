import { logLevels } from "../config/log-levels.ts";
import type { CommandSpec, OptionSpec, RunCommand } from "./command.ts";
import { clientOptions, outputOption } from "./connect/client-options.ts";

interface CommandEntry extends CommandSpec {
  /** Its code, which is read only if the command runs: the start of a probe counts. */
  load(): Promise<{ readonly run: RunCommand }>;
}

const model = { name: "MODEL", isModel: true } as const;

/** Client options with so many seconds for an answer, and the format of the output. */
function calling(timeoutSeconds?: number): Record<string, OptionSpec> {
  const { timeout } = clientOptions;
  const limited = timeoutSeconds === undefined ? {} : { default: `${timeoutSeconds}` };
  return { output: outputOption, ...clientOptions, timeout: { ...timeout, ...limited } };
}

/** Every command that calls a runtime, by name, in the order of the help. */
export const commandTable: Readonly<Record<string, CommandEntry>> = {
  status: {
    summary: "show what a runtime holds and does",
    operands: [],
    options: calling(30),
    examples: ["status", "status --address unix:/tmp/mmesh/grpc.sock --output json"],
    load: () => import("./commands/status.ts"),
  },
  models: {
    summary: "list models, or show everything about one",
    operands: [{ ...model, isOptional: true }],
    options: {
      ...calling(30),
      output: {
        ...outputOption,
        choices: ["text", "json", "names"],
        doc: "for people (text) or programs (json), or one name a line (names)",
      },
    },
    examples: ["models", "models digits"],
    load: () => import("./commands/models.ts"),
  },
  load: {
    summary: "load a model, and wait until it can serve",
    operands: [model],
    options: {
      path: {
        value: "PATH",
        doc: "file or directory, as the runtime sees it; left out: the model of that name in its local repository",
      },
      type: { value: "TYPE", doc: "model type, like mt:onnx; left out: told by the file" },
      key: { value: "JSON", doc: "model key: settings of this model, as ModelMesh passes them" },
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
        doc: "take the inputs of this REST request (JSON); - is stdin",
      },
      zeros: { doc: "send zeros (empty texts for BYTES), to see whether the model runs" },
      outputs: { value: "NAMES", doc: "only these outputs, separated by commas" },
      "model-version": { value: "VERSION", doc: "left out: the highest one that serves" },
      ...calling(),
    },
    examples: [
      "infer iris '[[6.0, 2.7, 5.1, 1.6]]'",
      "infer digits image=@digit.npy --outputs label --output json",
    ],
    load: () => import("./commands/infer.ts"),
  },
  watch: {
    summary: "follow every change, until Ctrl-C",
    operands: [{ ...model, isOptional: true }],
    options: {
      retry: { doc: "connect again when the runtime goes away" },
      ...calling(),
    },
    examples: ["watch", "watch digits --output json"],
    load: () => import("./commands/watch.ts"),
  },
  probe: {
    summary: "ask whether a runtime is live or ready, or a model is ready",
    operands: [
      { name: "WHAT", isOptional: true, choices: ["ready", "live", "model"] },
      { ...model, isOptional: true },
    ],
    options: {
      wait: { value: "SECONDS", doc: "ask again for so long until the answer is yes" },
      ...calling(5),
    },
    examples: ["probe", "probe live", "probe model digits --wait 60"],
    load: () => import("./commands/probe.ts"),
  },
  "log-level": {
    summary: "show the least level that a runtime logs, or change it until its next start",
    operands: [{ name: "LEVEL", isOptional: true, choices: logLevels }],
    options: calling(30),
    examples: ["log-level", "log-level debug"],
    load: () => import("./commands/log-level.ts"),
  },
  version: {
    summary: "show the version of this command, and of a runtime",
    operands: [],
    options: { server: { doc: "ask the runtime as well" }, ...calling(30) },
    examples: ["version", "version --server"],
    load: () => import("./commands/version.ts"),
  },
};
