/** Of our own environment: with a compile cache hosts start in a third of the time, and the others say which
 *  locales there are for models that write text in upper or lower case. */
const passedOn = ["NODE_COMPILE_CACHE", "LANG", "LC_ALL", "LOCPATH"];

/** What engine hosts get of the environment `env`, and nothing else. */
export function hostEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const passed = passedOn.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(passed);
}
