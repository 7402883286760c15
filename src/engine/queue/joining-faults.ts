import type { ModelFile } from "../contract/engine.ts";

const maxFiles = 1_000;

/** Files whose joined runs have been wrong: no load of the same file joins again. */
export class JoiningFaults {
  /** What was wrong, by file and content; oldest first. */
  readonly #reasons = new Map<string, string>();

  of(model: ModelFile): string | undefined {
    return this.#reasons.get(keyOf(model));
  }

  note(model: ModelFile, reason: string): void {
    this.#reasons.set(keyOf(model), reason);
    const [oldest] = this.#reasons.keys();
    if (oldest !== undefined && this.#reasons.size > maxFiles) this.#reasons.delete(oldest);
  }
}

function keyOf({ file, identity }: ModelFile): string {
  return `${identity} ${file}`;
}
