import { writeLong } from "../../../base/raw-json.ts";
import { elementText } from "./element-text.ts";

/** A tensor of a request or an answer, as far as it is known. */
export interface LoggedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly unknown[];
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Its bytes, as they travelled; or its elements; or neither, where they are missing. */
  readonly raw?: Buffer | undefined;
  readonly elements?: ArrayLike<unknown> | undefined;
  /** In `elements`, each is in base64. */
  readonly isBase64?: boolean;
}

export interface LoggedMessage {
  /** Members before and after the tensors. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly side: "inputs" | "outputs";
  readonly tensors: readonly LoggedTensor[];
  readonly tail: Readonly<Record<string, unknown>>;
}

export interface MadeJson {
  readonly text: string;
  /** Something was left out because of `maxBytes`. */
  readonly isCut: boolean;
}

/** What a tensor's own members take beside its elements and names. */
const frameLetters = 80;

/** A message of the Open Inference Protocol as its REST has it, in at most some `maxBytes`. Elements are numbers and texts
 *  if there is room for them; else the bytes of the tensor in base64, if there is room for that; else the first ones. */
export function messageJson(message: LoggedMessage, maxBytes: number): MadeJson {
  let isCut = false;
  let room = maxBytes - JSON.stringify([message.head, message.tail], writeLong).length;
  for (const { name, shape, parameters } of message.tensors) {
    room -= name.length + frameLetters + JSON.stringify([shape, parameters], writeLong).length;
  }
  const tensors = message.tensors.map((tensor) => {
    const made = tensorJson(tensor, Math.max(0, room));
    room -= made.letters;
    isCut ||= made.isCut;
    return made.text;
  });
  const head = JSON.stringify(message.head, writeLong).slice(1, -1);
  const tail = JSON.stringify(message.tail, writeLong).slice(1, -1);
  const members = [head, `"${message.side}":[${tensors.join(",")}]`, tail];
  return { text: `{${members.filter((each) => each !== "").join(",")}}`, isCut };
}

interface MadeTensor extends MadeJson {
  /** Of its elements. */
  readonly letters: number;
}

function tensorJson(tensor: LoggedTensor, room: number): MadeTensor {
  const { name, datatype, shape, parameters, raw, elements, isBase64 } = tensor;
  const made = raw !== undefined ? rawText(datatype, raw, room) : plainText(elements, room);
  const added = { ...parameters, ...(isBase64 && { content_type: "base64" }), ...made?.parameters };
  const described = {
    name,
    datatype,
    shape,
    ...(Object.keys(added).length > 0 && { parameters: added }),
  };
  const head = JSON.stringify(described, writeLong);
  if (made === undefined) return { text: head, letters: 0, isCut: false };
  const text = `${head.slice(0, -1)},"data":[${made.text}]}`;
  return { text, letters: made.text.length, isCut: made.isCut };
}

interface MadeElements extends MadeJson {
  readonly parameters?: Readonly<Record<string, unknown>>;
}

function rawText(datatype: string, raw: Buffer, room: number): MadeElements | undefined {
  const made = elementText(datatype, raw, room);
  if (made !== undefined && (!made.isCut || datatype === "BYTES")) {
    return { ...made, ...(made.isBase64 && { parameters: { content_type: "base64" } }) };
  }
  const base64Letters = 4 * Math.ceil(raw.length / 3) + 2;
  if (base64Letters > room && made !== undefined) return made;
  const kept = base64Letters > room ? raw.subarray(0, 3 * Math.floor(room / 4)) : raw;
  return {
    text: `"${kept.toString("base64")}"`,
    isCut: kept.length < raw.length,
    parameters: { encoding: "raw-base64" },
  };
}

function plainText(
  elements: ArrayLike<unknown> | undefined,
  room: number,
): MadeElements | undefined {
  if (elements === undefined) return undefined;
  const texts: string[] = [];
  let letters = 0;
  for (let at = 0; at < elements.length; at++) {
    const text = JSON.stringify(elements[at], writeLong) ?? "null";
    letters += text.length + 1;
    if (letters > room) return { text: texts.join(","), isCut: true };
    texts.push(text);
  }
  return { text: texts.join(","), isCut: false };
}
