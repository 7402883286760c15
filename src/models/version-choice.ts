import { RuntimeError } from "../base/errors.ts";
import type { VersionPolicy } from "./triton-config.ts";

/** What a model's modelport.json says of the versions beside it. */
export interface VersionChoice {
  /** Undefined if it does not say. */
  readonly policy: VersionPolicy | undefined;
  /** Alias → version. */
  readonly aliases: ReadonlyMap<string, string>;
}

type Document = Readonly<Record<string, unknown>>;

/** The fields of modelport.json that are of all versions together. */
export const versionFields = ["version_policy", "version_aliases"] as const;

const policyForms =
  '{"all": {}}, {"latest": {"num_versions": 2}} or {"specific": {"versions": [1, 3]}}';
const aliasForm = /^[A-Za-z][\w.-]{0,62}$/;
const versionForm = /^(0|[1-9]\d*)$/;

/** Throws RuntimeError "invalid-argument", naming the field, if a value has another form. */
export function readVersionChoice(document: Document, where: string): VersionChoice {
  return { policy: readPolicy(document, where), aliases: readAliases(document, where) };
}

/** One line for people. */
export function describePolicy(policy: VersionPolicy): string {
  if (policy.tag === "all") return "all";
  return policy.tag === "latest" ? `latest ${policy.count}` : `only ${policy.versions.join(", ")}`;
}

function readPolicy(document: Document, where: string): VersionPolicy | undefined {
  const value = own(document, "version_policy");
  if (value === undefined) return undefined;
  const invalid = (at: string, found: unknown, expected: string) =>
    new RuntimeError(
      "invalid-argument",
      `${where}: ${at} is ${JSON.stringify(found)}, expected ${expected}`,
    );
  const whole = () => invalid("version_policy", value, policyForms);
  if (!isObject(value)) throw whole();
  const [[tag, fields] = ["", undefined], ...others] = Object.entries(value);
  if (!isObject(fields) || others.length > 0) throw whole();
  const known = { all: "", latest: "num_versions", specific: "versions" }[tag];
  if (known === undefined || Object.keys(fields).some((name) => name !== known)) throw whole();
  if (tag === "all") return { tag: "all" };
  if (tag === "latest") {
    const { num_versions: count = 1 } = fields;
    if (Number.isSafeInteger(count) && Number(count) >= 1) return { tag, count: Number(count) };
    throw invalid("version_policy.latest.num_versions", count, "an integer of at least 1");
  }
  const { versions } = fields;
  const texts = Array.isArray(versions) ? versions.map(versionText) : [];
  if (texts.length === 0 || texts.includes(undefined)) {
    const expected = "a list of version numbers that is not empty";
    throw invalid("version_policy.specific.versions", versions ?? null, expected);
  }
  return { tag: "specific", versions: texts as string[] };
}

function readAliases(document: Document, where: string): Map<string, string> {
  const aliases = new Map<string, string>();
  const value = own(document, "version_aliases");
  if (value === undefined) return aliases;
  const refuse = (problem: string) =>
    new RuntimeError("invalid-argument", `${where}: version_aliases${problem}`);
  if (!isObject(value)) {
    throw refuse(` is ${JSON.stringify(value)}, expected an object like {"stable": 3}`);
  }
  for (const [alias, target] of Object.entries(value)) {
    // A number would be mistaken for a version, and paths and text calls have marks of their own.
    if (!aliasForm.test(alias)) {
      const expected = "a letter and then at most 62 letters, digits, dots, dashes and underscores";
      throw refuse(` has the alias ${JSON.stringify(alias)}, expected ${expected}`);
    }
    const version = versionText(target);
    if (version === undefined) {
      throw refuse(`.${alias} is ${JSON.stringify(target)}, expected a version number such as 3`);
    }
    aliases.set(alias, version);
  }
  return aliases;
}

/** Versions with more digits than a number of JSON can have are texts. Undefined if it is no version. */
function versionText(value: unknown): string | undefined {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === "string" && versionForm.test(text) ? text : undefined;
}

function own(document: Document, name: string): unknown {
  return Object.hasOwn(document, name) ? document[name] : undefined;
}

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
