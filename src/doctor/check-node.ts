import { type Finding, judgeOf } from "./finding.ts";

/** `version`: like "24.21.0". What is too old to start has ended before it came here. */
export function checkNode(version: string): Finding {
  const judge = judgeOf("Node");
  const major = Number.parseInt(version, 10);
  if (major % 2 === 0) return judge("ok", `version ${version}`);
  return judge(
    "warn",
    `version ${version} is of a line that gets fixes for half a year only`,
    `use Node ${major - 1} or ${major + 1}`,
  );
}
