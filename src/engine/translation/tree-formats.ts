import type { TranslatedFormat } from "../contract/model-format.ts";

/** The formats of other libraries whose models are translated, in the order in which their content is looked at. */
export const treeFormats: readonly TranslatedFormat[] = [];
