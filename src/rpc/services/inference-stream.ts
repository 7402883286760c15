import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import type {
  ModelInferRequest,
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
} from "../../../gen/inference/inference_pb.ts";
import { toConnectError } from "../failures/error-codes.ts";
import { logFailure, rpcOf } from "../failures/log-failure.ts";
import { mapInOrder } from "./map-in-order.ts";

type Infer = (
  request: ModelInferRequest,
  context: HandlerContext,
) => Promise<MessageInitShape<typeof ModelInferResponseSchema>>;
type StreamResponse = MessageInitShape<typeof ModelStreamInferResponseSchema>;

// Enough to keep an engine host busy while responses travel, but one stream cannot fill the whole queue.
const maxInFlight = 8;

/** inference.GRPCInferenceService/ModelStreamInfer. Requests run in parallel and their responses are sent in
 *  order, since many clients set no id to tell them apart. Only an error of the call itself ends the stream. */
export function inferenceStream(infer: Infer, log: Logger) {
  return (
    requests: AsyncIterable<ModelInferRequest>,
    context: HandlerContext,
  ): AsyncGenerator<StreamResponse> => {
    const answer = async (request: ModelInferRequest): Promise<StreamResponse> => {
      const { modelName, id } = request;
      const startMs = performance.now();
      try {
        return { inferResponse: await infer(request, context) };
      } catch (reason) {
        context.signal.throwIfAborted();
        const error = toConnectError(reason);
        const durationMs = Math.round(performance.now() - startMs);
        logFailure(log, rpcOf(context), error, { modelId: modelName, durationMs });
        // An error without text would look like a success.
        const errorMessage = error.rawMessage || "the inference failed";
        return { errorMessage, inferResponse: { modelName, id } };
      }
    };
    return mapInOrder(requests, answer, { limit: maxInFlight, signal: context.signal });
  };
}
