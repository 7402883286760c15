import { settings } from "./settings.ts";
import { version } from "./version.ts";

export type Command =
  | { readonly name: "serve"; readonly flags: readonly string[] }
  /** Nothing to run: print `text`, to stderr if it is a complaint. */
  | { readonly name: "print"; readonly text: string; readonly isError: boolean };

/** What the arguments after the program's name ask for. */
export function readCommand(argv: readonly string[]): Command {
  const [first, ...rest] = argv;
  if (first === undefined || argv.includes("--help") || first === "help") {
    return { name: "print", text: help(), isError: false };
  }
  if (first === "--version") return { name: "print", text: `${version}\n`, isError: false };
  if (first === "serve") return { name: "serve", flags: rest };
  return {
    name: "print",
    text: `modelport: unknown command "${first}", expected: serve, --help or --version\n`,
    isError: true,
  };
}

function help(): string {
  const rows = Object.entries(settings).map(([name, { env, doc, default: value }]) => {
    const preset = value === undefined || value === "" ? "" : ` (default ${value})`;
    return `  --${name.padEnd(28)} ${env.padEnd(28)} ${doc}${preset}`;
  });
  return [
    `modelport ${version}: a model runtime for ModelMesh, curl and browsers`,
    "",
    "  modelport serve [flags]      serve models until SIGTERM or SIGINT",
    "  modelport --version",
    "",
    "Flags of serve, each with the environment variable that sets the same:",
    ...rows,
    "",
  ].join("\n");
}
