/** The origins in a comma-separated list, as browsers send them: without a path, and without the scheme's
 *  default port. Entries that are not origins become `problems`; `where` names the list. */
export function readOrigins(list: string, where: string, problems: string[]): string[] {
  return entriesOf(list).map((entry) => {
    const url = URL.parse(entry);
    const isWeb = url !== null && /^https?:$/.test(url.protocol);
    // URL.origin would drop "user@", and everything after a "?" or "#".
    if (isWeb && url.href === `${url.origin}/` && !/[?#]/.test(entry)) return url.origin;
    problems.push(
      `${where} has "${entry}": expected origins like https://ops.example.com or http://localhost:3000`,
    );
    return entry;
  });
}

/** The hostnames in a comma-separated list, in lower case. Entries that are not hostnames become `problems`;
 *  `where` names the list. */
export function readHostnames(list: string, where: string, problems: string[]): string[] {
  return entriesOf(list).map((entry) => {
    const hostname = URL.parse(`http://${entry}`)?.hostname;
    if (hostname === entry.toLowerCase() && /^[a-z\d.-]+$/.test(hostname)) return hostname;
    problems.push(
      `${where} has "${entry}": expected names like models.example.com, without a port`,
    );
    return entry;
  });
}

function entriesOf(list: string): string[] {
  return list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
