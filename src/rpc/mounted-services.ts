import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { type MountedService, mounted } from "./connect/mounted-service.ts";
import type { ServerParts } from "./server-options.ts";
import { healthService } from "./services/health.ts";
import { inferenceService } from "./services/inference.ts";
import { modelRuntimeService } from "./services/model-runtime.ts";
import { reflectionServices } from "./services/reflection.ts";
import { type RuntimeWatchParts, runtimeWatchService } from "./watch/runtime-watch-service.ts";

// curl shows STARTING and NOT_SERVING only if values equal to the default are written.
const jsonOptions = { alwaysEmitImplicit: true };

/** The services of the port. `watching`: without it there is no watch service. `closing` aborts when the server
 *  begins to stop. */
export function mountedServices({
  models,
  readiness,
  options: { version, reflection = true },
  log,
  services = [],
  watching,
  closing,
}: ServerParts & {
  readonly watching: RuntimeWatchParts | undefined;
  readonly closing: AbortSignal;
}): readonly MountedService[] {
  const checked = [
    mounted(ModelRuntime, modelRuntimeService(models), jsonOptions),
    mounted(GRPCInferenceService, inferenceService({ models, version, log })),
    ...(watching ? [mounted(RuntimeWatchService, runtimeWatchService(watching), jsonOptions)] : []),
    ...services,
  ];
  const names = checked.map(({ service }) => service.typeName);
  const named = [
    ...checked,
    mounted(Health, healthService(readiness, names, closing), jsonOptions),
  ];
  const described = named.map(({ service }) => service);
  return [...named, ...(reflection ? reflectionServices(described, closing) : [])];
}
