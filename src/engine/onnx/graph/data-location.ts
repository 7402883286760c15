/** Whether a model may use this name for a data file: a path below its own folder, as ONNX requires. With
 *  "..", a path may name one file literally and another one behind a link. */
export function isDataLocation(location: string): boolean {
  if (location === "" || location.startsWith("/") || location.includes("\0")) return false;
  return !location.split("/").includes("..");
}
