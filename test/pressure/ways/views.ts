import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { repeat, type Way } from "../way.ts";
import { callGrpc, callRest, openSession } from "../wire-calls.ts";

const pages = [
  "/",
  "/docs",
  "/metrics",
  "/openapi.json",
  "/v2",
  "/v2/models",
  "/v2/models/stats",
  "/v2/models/echo",
  "/debug/hosts",
] as const;

const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`many-${at}`, "add"]));

export const viewWays: readonly Way[] = [
  {
    name: "pages and metrics hammered",
    about: "32 callers of the dashboard, OpenAPI, metrics and lists, beside 60 models",
    refusals: ["HTTP 404", "HTTP 403"],
    answers: "some",
    models: many,
    press: (pressed) =>
      repeat(pressed, 32, async () => {
        const { port, stop: signal, tally, random } = pressed;
        const path = random.pick(pages);
        tally.count(await callRest(port, { path, method: "GET", signal }));
      }),
  },
  {
    name: "lists and snapshots hammered",
    about:
      "32 callers of the repository's index, statistics, status and snapshots, beside 60 models",
    refusals: [],
    answers: "some",
    models: many,
    async press(pressed) {
      const { port, stop: signal, tally, random } = pressed;
      const session = openSession(port);
      const paths = [
        `/${GRPCInferenceService.typeName}/RepositoryIndex`,
        `/${GRPCInferenceService.typeName}/ModelStatistics`,
        `/${RuntimeWatchService.typeName}/GetSnapshot`,
        `/${ModelRuntime.typeName}/modelSize`,
      ] as const;
      await repeat(pressed, 32, async () => {
        const path = random.pick(paths);
        // Field 1 of what asks for a size is the model.
        const message = path.endsWith("modelSize")
          ? Buffer.from("\n\u0006many-1")
          : Buffer.alloc(0);
        tally.count(await callGrpc(session, { path, message, signal }), { must: true });
      });
      session.destroy();
    },
  },
];
