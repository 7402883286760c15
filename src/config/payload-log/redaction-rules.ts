/** A step of a JSON path: a member, an element, or any of either. `isDeep`: at any depth below. */
export interface PathStep {
  /** "*": every member and element. */
  readonly key: string | number;
  readonly isDeep: boolean;
}

/** What the payload log hides. */
export type RedactionRule =
  | { readonly kind: "input" | "output" | "parameter" | "header"; readonly name: string }
  | { readonly kind: "path"; readonly steps: readonly PathStep[] };

const kinds = ["input", "output", "parameter", "header", "path"];
const example = 'expected rules such as "input:ssn", "header:x-user" or "path:$.user.email"';

/** The rules of a list with commas. Commas within brackets or quotes of a path belong to it. Adds a line to `problems`
 *  for each that cannot be read. */
export function readRedactionRules(text: string, problems: string[]): RedactionRule[] {
  const rules: RedactionRule[] = [];
  for (const part of splitRules(text)) {
    const colon = part.indexOf(":");
    const kind = part.slice(0, Math.max(0, colon)).trim();
    const rest = part.slice(colon + 1).trim();
    if (!kinds.includes(kind) || rest === "") {
      problems.push(`PAYLOAD_LOG_REDACT has "${part}", ${example}`);
    } else if (kind === "path") {
      const steps = readPath(rest);
      if (steps === undefined) {
        problems.push(
          `PAYLOAD_LOG_REDACT has the path "${rest}", expected $ and then .name, ..name, ['name'], [0], [*] or .*`,
        );
      } else rules.push({ kind, steps });
    } else {
      const name = kind === "header" ? rest.toLowerCase() : rest;
      rules.push({ kind: kind as "input", name });
    }
  }
  return rules;
}

function splitRules(text: string): string[] {
  const parts = text.match(/(?:\[(?:'[^']*'|"[^"]*"|[^\]'"])*\]|[^,[]|\[)+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** Undefined if it is no path. */
export function readPath(text: string): PathStep[] | undefined {
  if (!text.startsWith("$")) return undefined;
  const step = /(\.\.?)([^.[\]'"*\s]+|\*)|(\.\.)?\[(?:'([^']*)'|"([^"]*)"|(\d+)|(\*))\]/y;
  const steps: PathStep[] = [];
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const found = step.exec(text);
    if (found === null) return undefined;
    const [, dots, name, deep, single, double, index, any] = found;
    const key = index === undefined ? (name ?? single ?? double ?? any ?? "*") : Number(index);
    steps.push({ key, isDeep: dots === ".." || deep === ".." });
  }
  return steps.length === 0 ? undefined : steps;
}
