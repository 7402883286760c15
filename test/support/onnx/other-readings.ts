import { ProtobufWriter } from "../models/protobuf-writer.ts";

// Models that name a data file in a way that a careless parser reads otherwise than Google's, which ONNX Runtime has.

const message = () => new ProtobufWriter();
const entry = (key: string, value: string) => message().text(1, key).text(2, value);
/** FP32, four of them, whose data are said to lie in another file. */
const tensor = () => message().integer(1, 4).integer(2, 1).integer(14, 1);
const inside = entry("location", "model.bin");

function withInitializer(initializer: ProtobufWriter): ProtobufWriter {
  return message().integer(1, 8).message(7, message().message(5, initializer));
}

function withAttribute(attribute: ProtobufWriter): ProtobufWriter {
  const node = message().text(2, "k").text(4, "Constant").message(5, attribute.text(1, "value"));
  return message().integer(1, 8).message(7, message().message(1, node));
}

/** By what is odd in them, models that have `secret` for a data file, as Google's parser sees it, and "model.bin" or
 *  none at a careless look. */
export function otherReadings(secret: string): Readonly<Record<string, Uint8Array>> {
  const evil = entry("location", secret);
  const models: Readonly<Record<string, ProtobufWriter>> = {
    "two locations": withInitializer(tensor().message(13, inside).message(13, evil)),
    "two locations, the other first": withInitializer(
      tensor().message(13, evil).message(13, inside),
    ),
    "a value before its key": withInitializer(
      tensor().message(13, inside).message(13, message().text(2, secret).text(1, "location")),
    ),
    "a value before its key, alone": withInitializer(
      tensor().message(13, message().text(2, secret).text(1, "location")),
    ),
    "a key that is replaced": withInitializer(
      tensor()
        .message(13, inside)
        .message(13, message().text(1, "offset").text(2, secret).text(1, "location")),
    ),
    "a value that is replaced": withInitializer(
      tensor().message(13, entry("location", "model.bin").text(2, secret)),
    ),
    "a place of 2^32 + 1": withInitializer(
      message()
        .integer(1, 4)
        .integer(2, 1)
        .integer(14, 2 ** 32 + 1)
        .message(13, evil),
    ),
    "a place of 2^60 + 1": withInitializer(
      message()
        .integer(1, 4)
        .integer(2, 1)
        .integer(14, 2n ** 60n + 1n)
        .message(13, evil),
    ),
    "a place that is none, after one": withInitializer(tensor().integer(14, 7).message(13, evil)),
    "a field beyond 32 bits": withInitializer(
      message()
        .integer(1, 4)
        .integer(2, 1)
        .integer(14, 1)
        .message(13 + 2 ** 29, evil),
    ),
    "a graph beyond 32 bits": message()
      .integer(1, 8)
      .message(7, message())
      .message(7 + 2 ** 29, message().message(5, tensor().message(13, evil))),
    "tensors that are merged": withAttribute(
      message().message(5, tensor().message(13, inside)).message(5, message().message(13, evil)),
    ),
    "tensors that are merged, the place last": withAttribute(
      message()
        .message(5, message().integer(1, 4).integer(2, 1).message(13, evil))
        .message(5, message().integer(14, 1)),
    ),
    "graphs that are merged": message()
      .integer(1, 8)
      .message(7, message().message(5, tensor().message(13, inside)))
      .message(7, message().message(5, tensor().message(13, evil))),
  };
  return Object.fromEntries(Object.entries(models).map(([what, model]) => [what, model.finish()]));
}
