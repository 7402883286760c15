import { isUtf8 } from "node:buffer";
import type { ExternalData } from "./tensor-bytes.ts";

/** StringStringEntryProto. */
const fields = { key: 1, value: 2 } as const;

/** One entry of a tensor's description of its data file, while it is read. Its fields may come in any order,
 *  and more than once: the last ones count. */
export class DataEntry {
  #key = "";
  #value = "";
  #isText = true;

  take(field: number, bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString();
    if (field === fields.key) this.#key = text;
    else if (field === fields.value) {
      this.#value = text;
      this.#isText = isUtf8(bytes);
    }
  }

  /** Stores the entry in `data`. Returns what is wrong with it. */
  addTo(data: ExternalData): string | undefined {
    if (!isKnownKey(this.#key)) return undefined;
    if (this.#key === "location") {
      if (data.location !== undefined) return "a tensor has two data files";
      if (!this.#isText) return "the name of a data file is not UTF-8";
    }
    data[this.#key] = this.#value;
    return undefined;
  }
}

function isKnownKey(key: string): key is keyof ExternalData {
  return key === "location" || key === "offset" || key === "length";
}
