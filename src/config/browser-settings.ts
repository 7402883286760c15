/** The origins in a list with commas, as browsers send them: without a path, and without the default port of
 *  their scheme. What is none is told to `problems`; `where`: what the list is called. */
export function readOrigins(list: string, where: string, problems: string[]): string[] {
  return entriesOf(list).map((entry) => {
    const url = URL.parse(entry);
    const isWeb = url !== null && /^https?:$/.test(url.protocol);
    // "user@" would be left out of the origin, and so would what follows a "?" or "#".
    if (isWeb && url.href === `${url.origin}/` && !/[?#]/.test(entry)) return url.origin;
    problems.push(
      `${where} has "${entry}", expected origins like https://ops.example.com or http://localhost:3000`,
    );
    return entry;
  });
}

/** The host names in a list with commas, in lower case. What is none is told to `problems`; `where`: what the list is called. */
export function readHostnames(list: string, where: string, problems: string[]): string[] {
  return entriesOf(list).map((entry) => {
    const hostname = URL.parse(`http://${entry}`)?.hostname;
    if (hostname === entry.toLowerCase() && /^[a-z\d.-]+$/.test(hostname)) return hostname;
    problems.push(
      `${where} has "${entry}", expected names like models.example.com, without a port`,
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
