import type { Logger } from "../../observe/log.ts";

/** Files whose warnings are remembered; the one that was told of the longest ago is forgotten first. */
const maxFiles = 10_000;

/** Tells once which fields of a file have no effect. Every version of a model reads the same file, and every load
 *  reads it again: a warning is news only if the fields are others than before. */
export class IgnoredFields {
  readonly #log: Logger;
  /** File → what was told last. */
  readonly #told = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `facts` name the model that read the file. */
  note(file: string, fields: readonly string[], facts: object): void {
    const told = fields.join("\n");
    if (this.#told.get(file) === told) return;
    this.#told.delete(file);
    if (fields.length === 0) return;
    this.#told.set(file, told);
    if (this.#told.size > maxFiles) {
      const [oldest] = this.#told.keys();
      if (oldest !== undefined) this.#told.delete(oldest);
    }
    this.#log.warn({ ...facts, file, fields }, "settings without effect");
  }
}
