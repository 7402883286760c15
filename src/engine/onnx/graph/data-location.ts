/** Whether a model may call a data file so: by a path below its own folder, as ONNX wants it. With ".." a path means
 *  one file by its letters and another one behind a link. */
export function isDataLocation(location: string): boolean {
  if (location === "" || location.startsWith("/") || location.includes("\0")) return false;
  return !location.split("/").includes("..");
}
