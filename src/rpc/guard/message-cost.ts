import { Code, ConnectError } from "@connectrpc/connect";

// What protobuf-es takes to decode a message, in units of some 40 ns: about one element of a typed tensor in
// binary form. Measured on the benchmark machine.

/** Twenty milliseconds, during which the event loop serves nothing else. */
export const maxMessageCost = 524_288;

/** A number. 64-bit ones become a bigint. */
export const numberCost = 1;
export const bigintCost = 8;
/** A string, or a view of bytes. */
export const stringCost = 16;
/** A nested message: an object with all its fields. */
export const nestedCost = 48;
/** A value in JSON, which is parsed and then checked against the definition. */
export const jsonValueCost = 4;
export const jsonObjectCost = 32;

const tooCostly = new ConnectError(
  "the message has too many values to decode at once: send fewer, tensors in raw_input_contents, or the same over " +
    "REST, whose limit is higher",
  Code.ResourceExhausted,
);

/** Adds up what one message costs. */
export interface MessageCounter {
  /** Adds the next piece of it. Throws a ConnectError "resource_exhausted" as soon as the limit is
   *  exceeded. */
  push(piece: Uint8Array): void;
}

/** A sum with a limit. */
export class MessageCost {
  #units = 0;

  add(units: number): void {
    this.#units += units;
    if (this.#units > maxMessageCost) throw tooCostly;
  }
}
