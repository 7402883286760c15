import { readFileSync } from "node:fs";

/** Anonymous resident bytes of this process, undefined where there is no /proc. Blocks for some 50 µs. */
export function anonymousBytes(): number | undefined {
  return sumOfKilobytes("/proc/self/status", /^RssAnon:\s+(\d+) kB$/gm);
}

/** Resident bytes that no other process shares, undefined where there is no /proc. Blocks for some
 *  milliseconds: the system visits every page. */
export function privateBytes(): number | undefined {
  return sumOfKilobytes(
    "/proc/self/smaps_rollup",
    /^Private_(?:Clean|Dirty|Hugetlb):\s+(\d+) kB$/gm,
  );
}

function sumOfKilobytes(file: string, lines: RegExp): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
  let sum: number | undefined;
  for (const [, kilobytes] of text.matchAll(lines)) sum = (sum ?? 0) + Number(kilobytes) * 1024;
  return sum;
}
