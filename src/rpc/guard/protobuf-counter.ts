import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  bigintCost,
  MessageCost,
  type MessageCounter,
  maxMessageCost,
  nestedCost,
  numberCost,
  stringCost,
} from "./message-cost.ts";
import { refuseLongText } from "./refuse-long-text.ts";
import { maxTextBytes } from "./text-limit.ts";

const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const maxVarintBytes = 10;
/** As far as protobuf-es follows. Structs may contain themselves. */
const maxDepth = 100;

/** What a length-delimited field holds, as far as its cost is concerned. */
type Content =
  | { readonly tag: "message"; readonly fields: ReadonlyMap<number, Content> }
  | Packed
  | { readonly tag: "text"; readonly name: string }
  | { readonly tag: "bytes" };

interface Packed {
  readonly tag: "packed";
  readonly elementBytes: 4 | 8 | "varint";
  /** Cost of one element. */
  readonly cost: number;
}

interface Frame {
  readonly fields: ReadonlyMap<number, Content>;
  /** Behind its last byte, counted from the start of the message. */
  readonly endAt: number;
}

const bytes: Content = { tag: "bytes" };
const int32s: Packed = { tag: "packed", elementBytes: "varint", cost: numberCost };
const known = new WeakMap<DescMessage, Map<number, Content>>();

/** The most expensive content of two bytes is an empty nested message. */
const harmlessBytes = (2 * maxMessageCost) / (numberCost + nestedCost);

/** Throws as `ProtobufCounter.push` for a whole message. Small ones cannot cost too much, and are skipped. */
export function refuseCostlyMessage(message: DescMessage, bytes: Uint8Array): void {
  if (bytes.length > harmlessBytes) new ProtobufCounter(message).push(bytes);
}

/** Counts a binary message's cost, piece by piece as it arrives. It reads tags and lengths, and skips the
 *  contents of bytes and strings. It refuses an inference's texts that are too long. Malformed messages are left to the
 *  decoder, as far as they are harmless: it forgives some, and reads on where nothing has been counted. */
export class ProtobufCounter implements MessageCounter {
  readonly #cost = new MessageCost();
  readonly #stack: Frame[];
  /** The meaning of the current varint. */
  #expects: "tag" | "value" | "length" = "tag";
  #varint = 0;
  #scale = 1;
  #varintBytes = 0;
  /** The field whose length is expected. */
  #content: Content = bytes;
  /** Bytes to skip; the cost of a varint that ends among them, or of a byte. */
  #skipBytes = 0;
  #varintCost = 0;
  #byteCost = 0;
  /** Under way, or the last one. */
  #text: { readonly name: string; readonly sizeBytes: number } | undefined;
  /** Bytes of the message that were read. */
  #position = 0;
  /** What is wrong with it, and where. */
  #fault: { readonly what: string; readonly at: number } | undefined;

  constructor(message: DescMessage) {
    this.#stack = [{ fields: contentsOf(message), endAt: Number.POSITIVE_INFINITY }];
  }

  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length && this.#fault === undefined) {
      if (this.#skipBytes > 0) at += this.#skip(piece, at);
      else {
        this.#take(piece[at++] as number);
        this.#consume(1);
      }
    }
    if (this.#fault !== undefined) this.#refuseUnread(this.#fault, piece.length - at);
  }

  #refuseUnread({ what, at }: { readonly what: string; readonly at: number }, bytes: number): void {
    this.#position += bytes;
    if (this.#position - at <= harmlessBytes) return;
    const message = `the message is malformed at byte ${at}: ${what}`;
    throw new ConnectError(message, Code.InvalidArgument);
  }

  #break(what: string): void {
    this.#fault ??= { what, at: this.#position };
  }

  #skip(piece: Uint8Array, at: number): number {
    const count = Math.min(this.#skipBytes, piece.length - at);
    if (this.#varintCost > 0) {
      let elements = 0;
      for (let index = at; index < at + count; index++) {
        if ((piece[index] as number) < 0x80) elements++;
      }
      this.#cost.add(elements * this.#varintCost);
    }
    if (this.#byteCost > 0) this.#cost.add(count * this.#byteCost);
    this.#skipBytes -= count;
    if (this.#text !== undefined) this.#refuseLongText(this.#text);
    this.#consume(count);
    return count;
  }

  /** By what has arrived: a length alone may be a mistake, which the decoder will describe. */
  #refuseLongText({
    name,
    sizeBytes,
  }: {
    readonly name: string;
    readonly sizeBytes: number;
  }): void {
    if (sizeBytes - this.#skipBytes > maxTextBytes) refuseLongText(name, sizeBytes);
  }

  #consume(count: number): void {
    this.#position += count;
    while (this.#stack.length > 1 && this.#skipBytes === 0 && this.#top.endAt <= this.#position) {
      if (this.#top.endAt < this.#position || this.#expects !== "tag") {
        this.#break("a field reaches beyond the end of its message");
      }
      this.#stack.pop();
    }
  }

  get #top(): Frame {
    return this.#stack.at(-1) as Frame;
  }

  #take(byte: number): void {
    this.#varint += (byte & 0x7f) * this.#scale;
    this.#scale *= 128;
    this.#varintBytes++;
    if (byte >= 0x80) {
      if (this.#varintBytes === maxVarintBytes) this.#break("a number has more than ten bytes");
      return;
    }
    const value = this.#varint;
    this.#varint = 0;
    this.#scale = 1;
    this.#varintBytes = 0;
    if (this.#expects === "tag") this.#tag(value);
    else if (this.#expects === "value") this.#expects = "tag";
    else this.#length(value);
  }

  #tag(tag: number): void {
    this.#cost.add(numberCost);
    const type = tag % 8;
    if (type === wireType.varint) this.#expects = "value";
    else if (type === wireType.fixed32 || type === wireType.fixed64) {
      this.#skipBytes = type === wireType.fixed32 ? 4 : 8;
      this.#varintCost = 0;
      this.#byteCost = 0;
    } else if (type === wireType.bytes) {
      this.#content = this.#top.fields.get(Math.floor(tag / 8)) ?? bytes;
      this.#expects = "length";
    } else this.#break(`a field has the type ${type}, which is not in use`);
  }

  #length(length: number): void {
    this.#expects = "tag";
    this.#text = undefined;
    const content = this.#content;
    if (content.tag === "message") {
      this.#cost.add(nestedCost);
      if (this.#stack.length === maxDepth) this.#break(`it is nested deeper than ${maxDepth}`);
      // The byte that ends this length is still to be consumed.
      else this.#stack.push({ fields: content.fields, endAt: this.#position + 1 + length });
      return;
    }
    this.#skipBytes = length;
    this.#varintCost = 0;
    this.#byteCost = 0;
    if (content.tag === "text") this.#text = { name: content.name, sizeBytes: length };
    if (content.tag === "bytes" || content.tag === "text") this.#cost.add(stringCost);
    else if (content.elementBytes === "varint") this.#varintCost = content.cost;
    // By bytes received, not announced.
    else this.#byteCost = content.cost / content.elementBytes;
  }
}

function contentsOf(message: DescMessage): ReadonlyMap<number, Content> {
  const before = known.get(message);
  if (before !== undefined) return before;
  const contents = new Map<number, Content>();
  // Before its fields: a message type may contain itself.
  known.set(message, contents);
  for (const field of message.fields) contents.set(field.number, contentOf(field));
  return contents;
}

/** Of these, texts are limited: others bring keys of models, which hold whatever their owners like. */
const inferMessages = /^inference\.(ModelInfer|InferParameter)/;

function contentOf(field: DescField): Content {
  if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING) {
    return inferMessages.test(field.parent.typeName) ? { tag: "text", name: field.name } : bytes;
  }
  if (field.fieldKind === "message") {
    return { tag: "message", fields: contentsOf(field.message) };
  }
  if (field.fieldKind === "map") return { tag: "message", fields: entryOf(field) };
  if (field.fieldKind !== "list") return bytes;
  if (field.listKind === "message") return { tag: "message", fields: contentsOf(field.message) };
  if (field.listKind === "enum") return int32s;
  return packedContent(field.scalar);
}

/** For a map: field 2 is its value. */
function entryOf(field: DescField & { readonly fieldKind: "map" }): ReadonlyMap<number, Content> {
  if (field.mapKind !== "message") return new Map();
  return new Map([[2, { tag: "message", fields: contentsOf(field.message) }]]);
}

function packedContent(scalar: ScalarType): Content {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { tag: "packed", elementBytes: 8, cost: bigintCost };
    case ScalarType.DOUBLE:
      return { tag: "packed", elementBytes: 8, cost: numberCost };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return { tag: "packed", elementBytes: 4, cost: numberCost };
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
      return { tag: "packed", elementBytes: "varint", cost: bigintCost };
    default:
      return int32s;
  }
}
