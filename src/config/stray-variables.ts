import { nearestName } from "./nearest-name.ts";

/** Variables of the commands that call a runtime, which its own environment may have as well. */
export const commandVariables: readonly string[] = [
  "MODELPORT_ADDRESS",
  "MODELPORT_CA_FILE",
  "MODELPORT_CERT_FILE",
  "MODELPORT_KEY_FILE",
  "MODELPORT_TOKEN_FILE",
];

const prefix = "MODELPORT_";

/** Kubernetes gives these to every pod beside a Service, and one may well be named modelport. */
const serviceLink =
  /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** Variables of `env` that look like settings and are none. With our prefix, and near to a name of ours, they are
 *  `problems`: nobody else would call them so. Without it they may be somebody else's: `warnings`. `known`: the
 *  variables of settings; `flags`: their names. */
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
      if (meant !== undefined) problems.push(`${name} is no setting; did you mean ${meant}?`);
    } else if (name.length >= 8) {
      const meant = nearestName(name, names);
      if (meant !== undefined) warnings.push(`${name} is no setting; did you mean ${meant}?`);
    }
  }
  return { problems, warnings };
}

/** The setting that somebody gave our prefix. */
function meantBy(
  rest: string,
  known: ReadonlySet<string>,
  flags: readonly string[],
): string | undefined {
  if (known.has(rest)) return rest;
  const flag = rest.toLowerCase().replaceAll("_", "-");
  return flags.includes(flag) ? `--${flag}` : undefined;
}
