import type { DescFile, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { abortable } from "../../base/abort.ts";
import { type MountedService, mounted } from "../connect/mounted-service.ts";
import { DescriptorIndex } from "./descriptor-index.ts";

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<
  MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]
>;

/** grpc.reflection.v1 and v1alpha for `services` and for itself. Its streams end when `closing` aborts. */
export function reflectionServices(
  services: readonly DescService[],
  closing: AbortSignal,
): MountedService[] {
  const served = [...services, ServerReflection, ServerReflectionAlpha];
  const names = served.map(({ typeName }) => typeName).sort();
  const index = new DescriptorIndex(served.map(({ file }) => file));

  async function* reflect(requests: AsyncIterable<ServerReflectionRequest>) {
    const sent = new Set<string>();
    for await (const originalRequest of until(requests, closing)) {
      const { host: validHost, messageRequest } = originalRequest;
      yield { validHost, originalRequest, messageResponse: answer(messageRequest, sent) };
    }
  }

  /** `sent`: the files that the client already has, by name. */
  function answer(question: Question, sent: Set<string>): Answer {
    const { value } = question;
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: names.map((name) => ({ name })) },
        };
      case "fileByFilename":
        return fileAnswer(index.file(question.value), `file "${value}"`, sent);
      case "fileContainingSymbol":
        return fileAnswer(index.fileOfSymbol(question.value), `symbol "${value}"`, sent);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        const file = index.fileOfExtension(containingType, extensionNumber);
        return fileAnswer(file, `extension ${extensionNumber} of "${containingType}"`, sent);
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = index.extensionNumbers(question.value);
        if (extensionNumber === undefined) return notFound(`message "${value}"`);
        return {
          case: "allExtensionNumbersResponse",
          value: { baseTypeName: question.value, extensionNumber },
        };
      }
      default:
        return failure(Code.InvalidArgument, "unknown kind of reflection request");
    }
  }

  function fileAnswer(file: DescFile | undefined, what: string, sent: Set<string>): Answer {
    if (file === undefined) return notFound(what);
    const fileDescriptorProto = index.encodeWithImports(file, sent);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }

  const implementation: ServiceImpl<typeof ServerReflection> = { serverReflectionInfo: reflect };
  return [
    mounted(ServerReflection, implementation),
    // The two versions differ only in the names of their messages.
    mounted(
      ServerReflectionAlpha,
      implementation as unknown as ServiceImpl<typeof ServerReflectionAlpha>,
    ),
  ];
}

function notFound(what: string): Answer {
  return failure(Code.NotFound, `there is no ${what} here`);
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** The items before `closing` aborts. Clients keep a reflection stream open for as long as they live. */
async function* until<T>(items: AsyncIterable<T>, closing: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  while (!closing.aborted) {
    const next = await abortable(iterator.next(), closing).catch((reason: unknown) => {
      if (closing.aborted) return undefined;
      throw reason;
    });
    if (next === undefined || next.done) return;
    yield next.value;
  }
}
