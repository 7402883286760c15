import type { DescService, JsonReadOptions, JsonWriteOptions, Registry } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";

/** A service of the port, whichever way its calls come in. */
export interface MountedService {
  readonly service: DescService;
  /** Calls of a method that is left out are answered "unimplemented". */
  readonly implementation: Partial<ServiceImpl<DescService>>;
  readonly jsonOptions: Partial<JsonReadOptions & JsonWriteOptions> & {
    readonly registry?: Registry;
  };
}

/** The one place that sees implementation and service together: behind it, neither has a type. */
export function mounted<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
  jsonOptions: MountedService["jsonOptions"] = {},
): MountedService {
  return {
    service,
    implementation: implementation as MountedService["implementation"],
    jsonOptions,
  };
}

/** The paths of all RPCs of a service, "/package.Service/Method". */
export function rpcPaths(service: DescService): string[] {
  return service.methods.map(({ name }) => `/${service.typeName}/${name}`);
}

/** The paths of the RPCs whose clients send more than one message. */
export function clientStreamsOf({ service }: MountedService): string[] {
  return service.methods
    .filter(({ methodKind }) => /^(client|bidi)_streaming$/.test(methodKind))
    .map(({ name }) => `/${service.typeName}/${name}`);
}
