import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

interface Workflow {
  readonly on?: Readonly<Record<string, unknown>>;
  readonly jobs?: Readonly<
    Record<string, { readonly steps?: readonly { readonly run?: string }[] }>
  >;
}

const workflowFile = ".github/workflows/ci.yml";
const script = ".ci/run";
/** What CONTRIBUTING asks of every change. */
const commands = ["npm run check", "npm test"];

/** Whether the hosted CI runs the repository's own script for every pull request, and nothing else that a
 *  contributor could not repeat; and whether that script runs what CONTRIBUTING names. */
export function checkWorkflow(root: string): string[] {
  const problems: string[] = [];
  const workflow = readWorkflow(join(root, workflowFile));
  if (typeof workflow === "string") return [`${workflowFile} ${workflow}`];
  if (!Object.hasOwn(workflow.on ?? {}, "pull_request")) {
    problems.push(`${workflowFile} does not run for pull requests`);
  }
  const runs = Object.values(workflow.jobs ?? {}).flatMap(({ steps = [] }) =>
    steps.flatMap(({ run }) => (run === undefined ? [] : [run.trim()])),
  );
  if (!runs.includes(script)) problems.push(`${workflowFile} does not run ${script}`);
  for (const run of runs) {
    if (run !== script) problems.push(`${workflowFile} runs "${run}": move that to ${script}`);
  }
  return [...problems, ...scriptProblems(root)];
}

/** The workflow, or what is wrong with it. */
function readWorkflow(path: string): Workflow | string {
  if (!existsSync(path)) return "is missing";
  try {
    const content: unknown = parse(readFileSync(path, "utf8"));
    return typeof content === "object" && content !== null ? content : "is not a mapping";
  } catch (error) {
    return `is not YAML: ${String(error)}`;
  }
}

function scriptProblems(root: string): string[] {
  const path = join(root, script);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return [`${script} is missing, or cannot be executed`];
  }
  const steps = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("step "));
  return commands
    .filter((command) => !steps.some((line) => line.endsWith(` ${command}`)))
    .map((command) => `${script} has no step for \`${command}\``);
}
