import { writeFile } from "node:fs/promises";

/** Writes a configuration file of another server. */
export function writeJson(path: string, value: object): Promise<void> {
  return writeFile(path, JSON.stringify(value));
}
