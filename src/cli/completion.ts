import type { Setting } from "../config/setting.ts";
import { settings } from "../config/settings.ts";
import type { CommandSpec, OperandSpec, OptionSpec } from "./command.ts";
import { usageError } from "./command-error.ts";
import { commandTable } from "./command-table.ts";
import { serverCommands } from "./server-commands.ts";

const scripts = { bash, zsh, fish } as const;
const shells = Object.keys(scripts);

/** The script that completes commands, options and models in a shell. Throws CommandError. */
export function completionScript(shell: string | undefined): string {
  const advice = "in the current bash session: source <(modelport completion bash)";
  if (shell === undefined) throw usageError(`expected one of ${shells.join(", ")}`, advice);
  if (Object.hasOwn(scripts, shell)) return scripts[shell as keyof typeof scripts]();
  throw usageError(`unknown shell "${shell}": expected one of ${shells.join(", ")}`, advice);
}

const flags: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  Object.entries<Setting>(settings).map(([name, { doc, choices }]) => [
    name,
    {
      doc,
      value: "VALUE",
      ...(choices === undefined ? {} : { choices }),
      ...(name === "config" ? { isFile: true } : {}),
    },
  ]),
);

/** All commands, including those that need no runtime. */
const commands: Readonly<Record<string, CommandSpec>> = {
  serve: {
    summary: "serve models until SIGTERM or SIGINT",
    operands: [],
    options: flags,
    examples: [],
  },
  ...Object.fromEntries(
    Object.entries(serverCommands).map(([name, { summary, options }]) => [
      name,
      { summary, operands: [], options: { ...options, ...flags }, examples: [] },
    ]),
  ),
  ...commandTable,
  completion: {
    summary: "print the completion script of a shell",
    operands: [{ name: "SHELL", choices: shells }],
    options: {},
    examples: [],
  },
  help: {
    summary: "show the help for a command",
    operands: [
      {
        name: "COMMAND",
        choices: ["serve", ...Object.keys(serverCommands), ...Object.keys(commandTable)],
      },
    ],
    options: {},
    examples: [],
  },
};

/** Asks the runtime for names; prints nothing if there is none. */
const listModels = "modelport models --output names --timeout 2 2>/dev/null";

function bash(): string {
  const byCommand = Object.entries(commands).map(([name, { operands, options }]) => {
    const values = Object.entries(options).flatMap(
      ([option, { short, value, choices, isFile }]) => {
        if (value === undefined) return [];
        const pattern = [`--${option}`, ...(short === undefined ? [] : [`-${short}`])].join("|");
        const words = choices === undefined ? "" : `words='${choices.join(" ")}'`;
        return [`        ${pattern}) ${isFile ? "files=1" : words} isValue=1 ;;`];
      },
    );
    return [
      `    ${name})`,
      '      case "$previous" in',
      ...values,
      "      esac",
      `      options='${Object.keys(options)
        .map((option) => `--${option}`)
        .join(" ")} --help'`,
      `      operands=(${operands.map(bashOperand).join(" ")})`,
      "      ;;",
    ].join("\n");
  });
  return `# bash completion of modelport: source <(modelport completion bash)
_modelport() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local words='' files='' isValue='' options='' at=0 word
  local operands=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${Object.keys(commands).join(" ")}' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${byCommand.join("\n")}
  esac
  if [[ -z $isValue && $current == -* ]]; then
    words=$options
  elif [[ -z $isValue ]]; then
    # Options may stand before operands, but usually do not.
    for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do [[ $word == -* ]] && break || ((at++)); done
    words="\${operands[at]}"
    [[ $words == '<models>' ]] && words=$(${listModels})
  fi
  if [[ -n $files || $current == @* ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o bashdefault -F _modelport modelport
`;
}

function bashOperand({ choices, isModel }: OperandSpec): string {
  if (isModel) return "'<models>'";
  return `'${choices?.join(" ") ?? ""}'`;
}

function zsh(): string {
  const functions = Object.entries(commands).map(([name, { operands, options }]) => {
    const specs = [
      ...Object.entries(options).map(([option, spec]) => zshOption(option, spec)),
      ...operands.map(zshOperand),
    ];
    return `    ${name})\n      _arguments ${specs.map((spec) => `\\\n        ${spec}`).join(" ")}\n      ;;`;
  });
  const list = Object.entries(commands).map(
    ([name, { summary }]) => `    ${quote(`${name}:${summary}`)}`,
  );
  return `#compdef modelport
# zsh completion of modelport: modelport completion zsh > "\${fpath[1]}/_modelport"
_modelport_models() {
  local -a names
  names=(\${(f)"$(${listModels})"})
  compadd -a names
}
_modelport() {
  local -a commands
  commands=(
${list.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  ((CURRENT--))
  case "$command" in
${functions.join("\n")}
  esac
}
if [[ "$funcstack[1]" == _modelport ]]; then _modelport "$@"; else compdef _modelport modelport; fi
`;
}

function zshOption(name: string, { short, value, choices, isFile, doc }: OptionSpec): string {
  const what = `[${doc.replace(/[[\]:\\]/g, "\\$&")}]`;
  const action = isFile ? "_files" : choices === undefined ? "" : `(${choices.join(" ")})`;
  const argument = value === undefined ? "" : `:${value}:${action}`;
  const names = short === undefined ? `--${name}` : `(-${short} --${name})`;
  const forms = short === undefined ? "" : `{-${short},--${name}}`;
  return forms === ""
    ? quote(`${names}${what}${argument}`)
    : `${quote(names)}${forms}${quote(`${what}${argument}`)}`;
}

function zshOperand({ name, choices, isModel, isOptional, isRepeated }: OperandSpec): string {
  const action = isModel
    ? "_modelport_models"
    : choices === undefined
      ? "_files"
      : `(${choices.join(" ")})`;
  return quote(`${isRepeated ? "*" : ""}${isOptional && !isRepeated ? ":" : ""}:${name}:${action}`);
}

function fish(): string {
  const lines = Object.entries(commands).flatMap(([name, { summary, operands, options }]) => [
    `complete -c modelport -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ...Object.entries(options).map(([option, spec]) => fishOption(name, option, spec)),
    ...operands.flatMap(({ isModel, choices }) => {
      const words = isModel ? `(${listModels})` : choices?.join(" ");
      if (words === undefined) return [];
      return [`complete -c modelport -n '__fish_seen_subcommand_from ${name}' -a ${quote(words)}`];
    }),
  ]);
  return [
    "# fish completion of modelport: modelport completion fish > ~/.config/fish/completions/modelport.fish",
    "complete -c modelport -f",
    ...lines,
    "",
  ].join("\n");
}

function fishOption(command: string, name: string, spec: OptionSpec): string {
  const { short, value, choices, isFile, doc } = spec;
  return [
    `complete -c modelport -n '__fish_seen_subcommand_from ${command}' -l ${name}`,
    ...(short === undefined ? [] : [`-s ${short}`]),
    ...(value === undefined ? [] : [isFile ? "-r -F" : "-x"]),
    ...(choices === undefined ? [] : [`-a ${quote(choices.join(" "))}`]),
    `-d ${quote(doc)}`,
  ].join(" ");
}

/** Quotes for all three shells. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
