import { type Finding, judgeOf } from "./finding.ts";

/** `version`: like "24.21.0". A version that is too old to start exits before this check. */
export function checkNode(version: string): Finding {
  const judge = judgeOf("Node");
  const major = Number.parseInt(version, 10);
  if (major % 2 === 0) return judge("ok", `version ${version}`);
  return judge(
    "warn",
    `version ${version} belongs to a release line that is maintained for only half a year`,
    `use Node ${major - 1} or ${major + 1}`,
  );
}
