import { RuntimeError } from "../../base/errors.ts";

/** Everything that defines how a store is reached: fields of the storage configuration, overridden by those of
 *  the client. Values may be secrets, so messages never show them. */
export class StorageParameters {
  readonly type: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(type: string, fields: Readonly<Record<string, unknown>>) {
    this.type = type;
    this.#fields = fields;
  }

  /** Undefined if it is missing or empty. Throws "invalid-argument" if it is not a string. */
  text(name: string): string | undefined {
    const value = this.field(name);
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value === "string") return value;
    throw this.invalid(`${name} must be a string`);
  }

  /** Throws "invalid-argument" if it is missing. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw this.invalid(`${name} is missing`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.field(name);
    return value === true || (typeof value === "string" && /^(true|1)$/i.test(value));
  }

  /** All of `names`, or undefined if none of them is set. Throws "invalid-argument" if only some are. */
  together<Name extends string>(...names: readonly Name[]): Record<Name, string> | undefined {
    const missing = names.filter((name) => this.text(name) === undefined);
    if (missing.length === names.length) return undefined;
    if (missing.length > 0) {
      throw this.invalid(`${missing.join(", ")} missing: set all of ${names.join(", ")}`);
    }
    return Object.fromEntries(names.map((name) => [name, this.required(name)])) as Record<
      Name,
      string
    >;
  }

  field(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  invalid(problem: string): RuntimeError {
    return new RuntimeError("invalid-argument", `storage of type ${this.type}: ${problem}`);
  }
}
