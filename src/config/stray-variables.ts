/** Variables of the client commands, which the server's environment may also have. */
export const commandVariables: readonly string[] = [
  "MODELPORT_ADDRESS",
  "MODELPORT_CA_FILE",
  "MODELPORT_CERT_FILE",
  "MODELPORT_KEY_FILE",
  "MODELPORT_TOKEN_FILE",
];

const prefix = "MODELPORT_";

/** Kubernetes sets these in every pod beside a Service, which may well be named modelport. */
const serviceLink =
  /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** Variables in `env` that look like settings but are not. With our prefix, or close to one of our names with
 *  that prefix, they are `problems`: no other program would use them. Without the prefix they may belong to
 *  another program: `warnings`. `known`: the settings' variables; `flags`: the settings' names. */
export function strayVariables(
  env: NodeJS.ProcessEnv,
  known: ReadonlySet<string>,
  flags: readonly string[],
): { readonly problems: string[]; readonly warnings: string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const ours = [...known, ...commandVariables].filter((name) => name.startsWith(prefix));
  const names = [...known];
  for (const [name, value] of Object.entries(env)) {
    if (!value || known.has(name) || commandVariables.includes(name)) continue;
    if (serviceLink.test(name) && !/^\d+$/.test(value)) continue;
    if (name.startsWith(prefix)) {
      const meant = meantBy(name.slice(prefix.length), known, flags) ?? nearestName(name, ours);
      if (meant !== undefined) problems.push(`unknown setting ${name}: did you mean ${meant}?`);
    } else if (name.length >= 8) {
      const meant = nearestName(name, names);
      if (meant !== undefined) warnings.push(`unknown setting ${name}: did you mean ${meant}?`);
    }
  }
  return { problems, warnings };
}

/** The setting whose variable was written with our prefix by mistake. */
function meantBy(
  rest: string,
  known: ReadonlySet<string>,
  flags: readonly string[],
): string | undefined {
  if (known.has(rest)) return rest;
  const flag = rest.toLowerCase().replaceAll("_", "-");
  return flags.includes(flag) ? `--${flag}` : undefined;
}

/** The entry of `names` that `typed` was most likely meant to be; undefined if none is close. */
function nearestName(typed: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  // One typo in a short word, two in a long one.
  let least = typed.length < 5 ? 1 : 2;
  for (const name of names) {
    const distance = editDistance(typed, name);
    if (distance > least || (distance === least && nearest !== undefined)) continue;
    nearest = name;
    least = distance;
  }
  return nearest;
}

/** ": did you mean X?" for the end of a message, or "". */
export function suggestion(typed: string, names: Iterable<string>, prefix = ""): string {
  const nearest = nearestName(typed, names);
  return nearest === undefined ? "" : `: did you mean ${prefix}${nearest}?`;
}

/** The number of letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const cells = new Uint16Array((a.length + 1) * width);
  const at = (row: number, column: number) => cells[row * width + column] ?? 0;
  for (let column = 0; column < width; column++) cells[column] = column;
  for (let row = 1; row <= a.length; row++) {
    cells[row * width] = row;
    for (let column = 1; column < width; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2];
      if (isSwap && a[row - 2] === b[column - 1])
        cost = Math.min(cost, at(row - 2, column - 2) + 1);
      cells[row * width + column] = cost;
    }
  }
  return at(a.length, b.length);
}
