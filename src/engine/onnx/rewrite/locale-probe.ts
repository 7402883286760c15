import {
  attributeFields,
  attributeTypes,
  graphFields,
  modelFields,
  nodeFields,
} from "./field-numbers.ts";
import { newValue } from "./graph-edits.ts";
import { textAttribute } from "./graph-node.ts";
import { integer, message, text, write } from "./pieces.ts";

const texts = 8;
const opset = 10;
const ir = 5;

/** A model that the engine loads if it can use this locale; undefined means the default for nodes without a
 *  locale. */
export function localeProbe(locale: string | undefined): Uint8Array<ArrayBuffer> {
  const named = locale === undefined ? [] : [textAttribute("locale", locale)];
  const node = message(graphFields.node, [
    text(nodeFields.input, "x"),
    text(nodeFields.output, "y"),
    text(nodeFields.op, "StringNormalizer"),
    textAttribute("case_change_action", "LOWER"),
    message(nodeFields.attribute, [
      text(attributeFields.name, "is_case_sensitive"),
      integer(attributeFields.int, 0),
      integer(attributeFields.type, attributeTypes.int),
    ]),
    ...named,
  ]);
  const graph = message(modelFields.graph, [
    node,
    text(2, "locale"),
    newValue("input", { name: "x", datatype: texts }),
    newValue("output", { name: "y", datatype: texts }),
  ]);
  const version = message(modelFields.opsetImport, [text(1, ""), integer(2, opset)]);
  return write([integer(modelFields.irVersion, ir), graph, version]);
}
