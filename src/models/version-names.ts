import type { VersionPolicy } from "./triton-config.ts";

/** How the versions of one model may be called, and why these are served. */
export interface VersionNaming {
  /** Alias → version. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Which versions are served; undefined if no file says so. */
  readonly policy: VersionPolicy | undefined;
}

const noNaming: VersionNaming = { aliases: new Map(), policy: undefined };

/** Aliases of versions, by model. They change in one step, so a request sees the old meaning or the new one. */
export class VersionNames {
  readonly #byModel = new Map<string, VersionNaming>();
  readonly #listeners = new Set<(name: string) => void>();

  of(name: string): VersionNaming {
    return this.#byModel.get(name) ?? noNaming;
  }

  /** The version that a client means; a version that is no alias is itself. */
  resolve(name: string, version: string): string {
    return this.#byModel.get(name)?.aliases.get(version) ?? version;
  }

  /** Aliases of one version of the model, by name. */
  aliasesOf(name: string, version: string): string[] {
    const { aliases } = this.of(name);
    return [...aliases].flatMap(([alias, target]) => (target === version ? [alias] : [])).sort();
  }

  set(name: string, naming: VersionNaming): void {
    const isNone = naming.aliases.size === 0 && naming.policy === undefined;
    // Most models, of which there may be thousands, never have any.
    if (isNone && !this.#byModel.has(name)) return;
    if (isNone) this.#byModel.delete(name);
    else this.#byModel.set(name, naming);
    for (const listener of this.#listeners) listener(name);
  }

  forget(name: string): void {
    this.set(name, noNaming);
  }

  /** Calls `listener` with the name of each model whose naming may have changed. */
  onChange(listener: (name: string) => void): void {
    this.#listeners.add(listener);
  }
}
