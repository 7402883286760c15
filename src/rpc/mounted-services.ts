import { InfoService } from "../../gen/caikit/info-service_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { serviceOfDomain } from "./caikit/domain.ts";
import { infoService } from "./caikit/info-service.ts";
import { nlpService } from "./caikit/nlp-service.ts";
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
export function mountedServices(
  parts: ServerParts & {
    readonly watching: RuntimeWatchParts | undefined;
    readonly closing: AbortSignal;
  },
): readonly MountedService[] {
  const { models, readiness, log, services = [], watching, closing } = parts;
  const { version, reflection = true } = parts.options;
  const caikit = caikitServices(parts);
  const forwarded = caikit.flatMap(forwardedMethods);
  const checked = [
    mounted(ModelRuntime, modelRuntimeService(models, forwarded), jsonOptions),
    mounted(GRPCInferenceService, inferenceService({ models, version, log })),
    ...(watching ? [mounted(RuntimeWatchService, runtimeWatchService(watching), jsonOptions)] : []),
    ...caikit,
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

function caikitServices({ models, texts, options }: ServerParts): readonly MountedService[] {
  if (texts === undefined) return [];
  const { version, caikitDomain = "Nlp" } = options;
  return [
    mounted(serviceOfDomain(caikitDomain), nlpService({ texts, version })),
    mounted(InfoService, infoService({ models, texts, version })),
  ];
}

/** The calls of a service that ModelMesh may pass on: those about one model. */
function forwardedMethods({ service }: MountedService): readonly string[] {
  if (service.typeName === InfoService.typeName) return [];
  return service.methods.map(({ name }) => `${service.typeName}/${name}`);
}
