import type { RuntimeError } from "../../../base/errors.ts";
import { attributeFields } from "./field-numbers.ts";
import { type GraphNode, readNode, textAttribute } from "./graph-node.ts";
import { type GraphOutline, isDefaultDomain } from "./graph-outline.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import type { NodeRules } from "./node-changes.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** Whether the engine can use a locale of the system; undefined means the default for nodes without a
 *  locale. */
export type HasLocale = (name: string | undefined) => boolean;

/** Every glibc has it. Its case mapping is that of all other UTF-8 locales, except for the languages below:
 *  test/integration/engine-locale.test.ts compares them. */
const plainLocale = "C.UTF-8";
/** Languages with a dotless i: Turkish, Azerbaijani, Crimean Tatar, Kurdish and Tatar. */
const dottedLanguages = new Set(["tr", "az", "crh", "ku", "tt"]);
/** For nodes without a locale. */
const engineLocale = "en_US.UTF-8";

const datatypeOfTexts = 8;

/** Makes text normalisers work on a machine without the locale that they name, where that does not change the
 *  result. Undefined if the model takes no texts. The rules throw RuntimeError "failed-precondition" where it
 *  would. */
export function localeRules(
  reader: ModelReader,
  outline: GraphOutline,
  hasLocale: HasLocale,
): NodeRules | undefined {
  const takesTexts = outline.inputs.some(
    ({ type }) => type.tag === "tensor" && type.datatype === datatypeOfTexts,
  );
  if (!takesTexts) return undefined;
  const localeOf = (field: Field): { named: boolean; locale: string } | undefined => {
    const node = readNode(reader, field);
    if (node.op !== "StringNormalizer" || !isDefaultDomain(node.domain)) return undefined;
    const attributes = readAttributes(reader, node);
    const { locale } = attributes;
    if (hasLocale(locale)) return undefined;
    if (!hasLocale(plainLocale) || (attributes.usesCase && !isPlain(locale ?? engineLocale))) {
      throw refusal(locale ?? engineLocale);
    }
    return { named: locale !== undefined, locale: plainLocale };
  };
  return {
    attribute(node, name) {
      const found = name === "locale" ? localeOf(node) : undefined;
      return found && textAttribute("locale", found.locale);
    },
    addAttributes(node) {
      const found = localeOf(node);
      return found === undefined || found.named ? [] : [textAttribute("locale", found.locale)];
    },
  };
}

/** UTF-8 locales, or those of Windows, whose names have a hyphen and no character set. */
function isPlain(locale: string): boolean {
  const [, language = ""] =
    /^([a-z]{2,3})(?:_[A-Z]{2}\.utf-?8(?:@\w+)?|-[A-Z]{2}(?:\.utf-?8)?)$/i.exec(locale) ?? [];
  return language !== "" && !dottedLanguages.has(language.toLowerCase());
}

function readAttributes(reader: ModelReader, { attributes }: GraphNode) {
  let locale: string | undefined;
  let action = "NONE";
  let isCaseSensitive = false;
  for (const [name, attribute] of attributes) {
    for (const field of reader.fields(attribute.content, attribute.end)) {
      if (field.number === attributeFields.int && name === "is_case_sensitive") {
        isCaseSensitive = field.value !== 0;
      }
      if (field.number !== attributeFields.text) continue;
      if (name === "locale") locale = reader.text(field);
      else if (name === "case_change_action") action = reader.text(field);
    }
  }
  return { locale, usesCase: action !== "NONE" || !isCaseSensitive };
}

function refusal(locale: string): RuntimeError {
  return new ServingRefusal(
    "failed-precondition",
    `a StringNormalizer needs the locale '${locale}', which this machine lacks: install it ` +
      "(on Debian: the package locales, then localedef), or set LOCPATH to its directory",
  );
}
