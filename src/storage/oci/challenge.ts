/** What a server asks for with status 401. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly fields: Readonly<Record<string, string>>;
}

const scheme = /(?:^|[\s,])(basic|bearer)(?=\s|,|$)/gi;
const field = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g;

/** Reads `WWW-Authenticate`, which may have several; a token is asked for first. Undefined if it has neither. */
export function readChallenge(header: string | undefined): Challenge | undefined {
  const text = header ?? "";
  // A quoted text may hold the name of a scheme.
  const plain = text.replaceAll(
    /"(?:[^"\\]|\\.)*"/g,
    (quoted) => `"${"x".repeat(quoted.length - 2)}"`,
  );
  const starts = [...plain.matchAll(scheme)];
  const challenges = starts.map((start, index) => {
    const part = text.slice(start.index + start[0].length, starts[index + 1]?.index);
    const fields = [...part.matchAll(field)].map(([, key = "", quoted, bare = ""]) => [
      key.toLowerCase(),
      quoted?.replaceAll(/\\(.)/g, "$1") ?? bare,
    ]);
    const found = (start[1] ?? "").toLowerCase() === "bearer" ? "bearer" : "basic";
    return { scheme: found, fields: Object.fromEntries(fields) } as const;
  });
  return challenges.find((each) => each.scheme === "bearer") ?? challenges[0];
}
