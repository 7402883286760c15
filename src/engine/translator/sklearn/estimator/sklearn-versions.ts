import { refuse, shown } from "../../pickle/refuse.ts";

/** Minor versions of scikit-learn 1 whose files golden files prove. */
const oldest = 0;
const newest = 9;

/** The minor version in "1.4.2". Throws RuntimeError "invalid-argument" for one outside of what is tested. */
export function readVersion(version: string, className: string): number {
  const minor = /^1\.(\d{1,3})(?:\.|$)/.exec(version)?.[1];
  if (minor !== undefined && Number(minor) >= oldest && Number(minor) <= newest)
    return Number(minor);
  return refuse(
    `scikit-learn ${shown(version)} wrote this ${shown(className)}; versions 1.${oldest} to 1.${newest} can be read: ` +
      "train and write it with one of them, or export it to ONNX (skl2onnx)",
  );
}
