import type { CommandArguments, OptionSpec, Terminal } from "./command.ts";
import { outputOption } from "./connect/client-options.ts";
import type { ExitCode } from "./exit-code.ts";

/** What a command is given that looks at this machine as `serve` would find it. */
export interface ServerCommandInput {
  /** Its own options. */
  readonly args: CommandArguments;
  /** What is left: flags of `serve`, not looked at yet. */
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}

export interface ServerCommand {
  readonly summary: string;
  /** Beside the flags of `serve`. */
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  load(): Promise<{ run(input: ServerCommandInput): Promise<ExitCode> }>;
}

/** The commands that take the flags of `serve` and call no runtime. */
export const serverCommands: Readonly<Record<string, ServerCommand>> = {
  config: {
    summary: "show every setting, and where its value comes from",
    options: {
      output: {
        value: "FORMAT",
        short: "o",
        choices: ["text", "json", "yaml"],
        default: "text",
        doc: "for people (text), for programs (json), or as a file for --config (yaml)",
      },
    },
    examples: ["config", "config --port 9000 --config modelport.yaml --output yaml"],
    load: () => import("./commands/config.ts"),
  },
  doctor: {
    summary: "look for what would keep serve from its work here, and say what to do",
    options: {
      output: outputOption,
    },
    examples: ["doctor --model-repository models", "doctor --output json"],
    load: () => import("../doctor/doctor.ts"),
  },
};
