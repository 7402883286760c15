import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { Terminal } from "../command.ts";
import { printJson } from "./print-json.ts";

/** Prints a message as canonical JSON of protobuf, with every field that has a value or a default. */
export function printMessage<Schema extends DescMessage>(
  terminal: Terminal,
  schema: Schema,
  message: MessageShape<Schema>,
): void {
  printJson(terminal, toJson(schema, message, { alwaysEmitImplicit: true }));
}
