import { RuntimeError } from "../../../../base/errors.ts";
import { type ConfigFields, isCount } from "../config-fields.ts";

/** One step of a template: special tokens, or all tokens of a text. */
export type TemplatePart =
  | { readonly kind: "special"; readonly ids: readonly number[]; readonly type: number }
  | { readonly kind: "text"; readonly isSecond: boolean; readonly type: number };

/** What a model's input consists of. */
export interface Template {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
  /** Whether and how spaces at the ends of tokens are left out of their offsets. */
  readonly trim: { readonly hasPrefixSpace: boolean } | undefined;
}

/** Tokens of one text, or two, one behind the other. */
const bare: Template = {
  single: [{ kind: "text", isSecond: false, type: 0 }],
  pair: [
    { kind: "text", isSecond: false, type: 0 },
    { kind: "text", isSecond: true, type: 1 },
  ],
  trim: undefined,
};

const kinds: Readonly<Record<string, (config: ConfigFields) => Template>> = {
  BertProcessing: bert,
  ByteLevel: (config) => ({ ...bare, trim: readTrim(config) }),
  RobertaProcessing: roberta,
  Sequence: sequence,
  TemplateProcessing: templateProcessing,
};

/** The `post_processor` of tokenizer.json, if it has one. Throws RuntimeError "invalid-argument" for one that is not known. */
export function readTemplate(config: ConfigFields | undefined): Template {
  if (config === undefined) return bare;
  const read = Object.hasOwn(kinds, config.type) ? kinds[config.type] : undefined;
  if (read === undefined) throw config.unknown("type", Object.keys(kinds));
  return read(config);
}

/** How many special tokens a template adds. */
export function specialCount(parts: readonly TemplatePart[]): number {
  return parts.reduce((sum, part) => sum + (part.kind === "special" ? part.ids.length : 0), 0);
}

function bert(config: ConfigFields): Template {
  const [first, last] = [readSpecial(config, "cls"), readSpecial(config, "sep")];
  return {
    single: [special(first, 0), ...bare.single, special(last, 0)],
    pair: [
      special(first, 0),
      ...bare.single,
      special(last, 0),
      { kind: "text", isSecond: true, type: 1 },
      special(last, 1),
    ],
    trim: undefined,
  };
}

/** All types are 0. */
function roberta(config: ConfigFields): Template {
  const [first, last] = [readSpecial(config, "cls"), readSpecial(config, "sep")];
  return {
    single: [special(first, 0), ...bare.single, special(last, 0)],
    pair: [
      special(first, 0),
      ...bare.single,
      special(last, 0),
      special(last, 0),
      { kind: "text", isSecond: true, type: 0 },
      special(last, 0),
    ],
    trim: readTrim(config),
  };
}

/** One of them may add tokens, others may trim. */
function sequence(config: ConfigFields): Template {
  const templates = config.objects("processors").map(readTemplate);
  const adding = templates.filter(({ single }) => single !== bare.single);
  if (adding.length > 1) {
    throw new RuntimeError(
      "invalid-argument",
      `tokenizer.json has '${config.pathOf("processors")}' of which ${adding.length} add tokens, which is not supported: expected one`,
    );
  }
  return {
    ...(adding[0] ?? bare),
    trim: templates.find(({ trim }) => trim !== undefined)?.trim,
  };
}

function templateProcessing(config: ConfigFields): Template {
  const specials = config.optionalObject("special_tokens");
  const parts = (key: string): TemplatePart[] =>
    config.objects(key).map((part) => readPart(part, specials));
  const [single, pair] = [parts("single"), parts("pair")];
  checkTexts(config, "single", single, [false]);
  checkTexts(config, "pair", pair, [false, true]);
  return { single, pair, trim: undefined };
}

function readPart(part: ConfigFields, specials: ConfigFields | undefined): TemplatePart {
  const [key] = part.keys();
  if (key === "Sequence") {
    const text = part.object(key);
    const id = text.text("id");
    if (id !== "A" && id !== "B") throw text.unknown("id", ["A", "B"]);
    return { kind: "text", isSecond: id === "B", type: text.count("type_id") };
  }
  if (key !== "SpecialToken") throw part.malformed("SpecialToken", "SpecialToken or Sequence");
  const token = part.object(key);
  const name = token.text("id");
  const ids = specials?.optionalObject(name)?.list("ids");
  if (ids === undefined || !ids.every(isCount)) {
    throw token.malformed("id", "a key of 'special_tokens' that has ids");
  }
  return { kind: "special", ids, type: token.count("type_id") };
}

/** Each text must be there once, the first one first. */
function checkTexts(
  config: ConfigFields,
  key: string,
  parts: readonly TemplatePart[],
  expected: readonly boolean[],
): void {
  const found = parts.flatMap((part) => (part.kind === "text" ? [part.isSecond] : []));
  if (found.join() === expected.join()) return;
  throw new RuntimeError(
    "invalid-argument",
    `tokenizer.json has '${config.pathOf(key)}' with the texts ${found.map((isSecond) => (isSecond ? "B" : "A")).join(", ") || "(none)"}, which is not supported: expected ${expected.length === 1 ? "A" : "A, B"}, once each`,
  );
}

function special(id: number, type: number): TemplatePart {
  return { kind: "special", ids: [id], type };
}

/** [token, id] */
function readSpecial(config: ConfigFields, key: string): number {
  const [, id] = config.list(key);
  if (!isCount(id)) throw config.malformed(key, "a token and its id");
  return id;
}

function readTrim(config: ConfigFields): Template["trim"] {
  if (!config.flag("trim_offsets", true)) return undefined;
  return { hasPrefixSpace: config.flag("add_prefix_space", true) };
}
