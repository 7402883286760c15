import type { DescService, JsonReadOptions, JsonWriteOptions, Registry } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";

/** A service of the port, by whichever path its calls arrive. */
export interface MountedService {
  readonly service: DescService;
  /** Calls of an omitted method fail as "unimplemented". */
  readonly implementation: Partial<ServiceImpl<DescService>>;
  readonly jsonOptions: Partial<JsonReadOptions & JsonWriteOptions> & {
    readonly registry?: Registry;
  };
}

/** The only place that knows implementation and service together: beyond it, neither has a type. */
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
