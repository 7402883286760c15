import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { Terminal } from "../command.ts";
import { printJson } from "./print-json.ts";

/** Prints a message as canonical protobuf JSON, including fields with default values. */
export function printMessage<Schema extends DescMessage>(
  terminal: Terminal,
  schema: Schema,
  message: MessageShape<Schema>,
): void {
  printJson(terminal, toJson(schema, message, { alwaysEmitImplicit: true }));
}
