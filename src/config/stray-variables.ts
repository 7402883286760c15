import { nearestName } from "./nearest-name.ts";

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
