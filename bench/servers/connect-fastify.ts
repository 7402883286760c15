// Connect on Fastify as its documentation sets it up: no option but HTTP/2. It echoes tensors.
import type { AddressInfo } from "node:net";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import fastify from "fastify";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { announce } from "./announce.ts";

const server = fastify({ http2: true });
await server.register(fastifyConnectPlugin, {
  routes(router) {
    router.service(GRPCInferenceService, {
      modelInfer: ({ modelName, id, inputs, rawInputContents }) => ({
        modelName,
        id,
        outputs: inputs.map(({ name, datatype, shape, contents }) => ({
          name,
          datatype,
          shape,
          ...(contents === undefined ? {} : { contents }),
        })),
        rawOutputContents: rawInputContents,
      }),
    });
  },
});
await server.listen({ host: "127.0.0.1", port: 0 });
announce((server.server.address() as AddressInfo).port);
