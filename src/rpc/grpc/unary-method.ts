import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import type { MountedService } from "../connect/mounted-service.ts";
import { rpcOf } from "../failures/log-failure.ts";
import { refuseCostlyMessage } from "../guard/protobuf-counter.ts";
import type { GrpcUnaryContext } from "./unary-context.ts";

/** One RPC, from the bytes of its request message to those of its response. */
export interface UnaryMethod<Message extends object = object, Answer = unknown> {
  readonly method: DescMethod;
  /** Its path without the leading slash. */
  readonly rpc: string;
  /** Whether the signal must also abort at the end of the call, as Connect promises its handlers; this costs
   *  more than a small message does. */
  readonly needsEnd: boolean;
  /** Throws if `bytes` are not such a message. The message may hold views of them. */
  decode(bytes: Uint8Array): Message;
  /** The memory that `message` holds in addition to `bytes`, from which it was made; none if omitted. */
  bytesBeside?(message: Message, bytes: Uint8Array): number;
  run(message: Message, context: GrpcUnaryContext): Answer | Promise<Answer>;
  /** One gRPC frame, in chunks. */
  encode(answer: Answer): Uint8Array[];
}

/** The implemented unary RPCs of a service, encoded by protobuf-es. */
export function unaryMethods({ service, implementation }: MountedService): UnaryMethod[] {
  const byName: Record<string, unknown> = implementation;
  return service.methods
    .filter((method): method is DescMethod & DescMethodUnary => method.methodKind === "unary")
    .filter(({ localName }) => byName[localName] !== undefined)
    .map((method) => {
      const run = byName[method.localName] as MethodImpl<DescMethodUnary>;
      return generatedMethod(method, run.bind(implementation));
    });
}

function generatedMethod(
  method: DescMethodUnary,
  run: MethodImpl<DescMethodUnary>,
): UnaryMethod<MessageShape<DescMessage>, MessageShape<DescMessage>> {
  const { input, output } = method;
  const toMessage = (answer: MessageInitShape<DescMessage>) => create(output, answer);
  return {
    method,
    rpc: rpcOf({ service: method.parent, method }),
    needsEnd: true,
    decode(bytes) {
      refuseCostlyMessage(input, bytes);
      return fromBinary(input, bytes);
    },
    run(message, context) {
      const answer = run(message, context);
      return answer instanceof Promise ? answer.then(toMessage) : toMessage(answer);
    },
    encode: (answer) => [frame(toBinary(output, answer))],
  };
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed[0] = 0; // Not compressed.
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}
