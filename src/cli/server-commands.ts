import type { OptionSpec, ServerCommandInput } from "./command.ts";
import { outputOption } from "./connect/client-options.ts";
import type { ExitCode } from "./exit-code.ts";

export interface ServerCommand {
  readonly summary: string;
  /** In addition to the flags of `serve`. */
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  load(): Promise<{ run(input: ServerCommandInput): Promise<ExitCode> }>;
}

/** The commands that take the flags of `serve` and do not call a runtime. */
export const serverCommands: Readonly<Record<string, ServerCommand>> = {
  config: {
    summary: "show every setting and the source of its value",
    options: {
      output: {
        value: "FORMAT",
        short: "o",
        choices: ["text", "json", "yaml"],
        default: "text",
        doc: "output format: text for people, json for programs, yaml for --config",
      },
    },
    examples: ["config", "config --port 9000 --config modelport.yaml --output yaml"],
    load: () => import("./commands/show-config.ts"),
  },
  doctor: {
    summary: "check whether serve would work here, and advise on every problem",
    options: {
      output: outputOption,
    },
    examples: ["doctor --model-repository models", "doctor --output json"],
    load: () => import("./commands/doctor.ts"),
  },
};
