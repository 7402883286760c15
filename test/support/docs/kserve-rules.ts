import type { Container, ServingRuntime } from "./kserve-manifests.ts";

// What the controller of ModelMesh Serving refuses, or takes and then does not work with: its
// servingruntime_validator.go, and the ports that its own containers listen on.
const itsContainers = ["mm", "rest-proxy", "puller"];
const itsVolumes = ["storage-config", "etcd-config", "tc-config", "domain-socket", "models-dir"];
const itsPortNames = ["grpc", "http", "prometheus"];
const itsPorts = [8080, 8085, 8089, 8090];
const firstKeptPort = 11_881;
const lastKeptPort = 11_899;
/** Of the REST proxy, the storage helper, ModelMesh and its metrics: these may be declared and are taken. */
const takenPorts = [8008, 8033, 8086, 2112];
const itsPrefix = "mm-";

/** One line for each rule that a runtime breaks. */
export function brokenRules({ spec }: ServingRuntime): string[] {
  const broken: string[] = [];
  const demand = (holds: boolean, rule: string) => {
    if (!holds) broken.push(rule);
  };
  demand(spec.multiModel === true, "without multiModel the controller ignores it");
  demand(spec.builtInAdapter === undefined, "a built-in adapter is for the built-in runtimes");
  demand(
    spec.supportedModelFormats.some(({ autoSelect }) => autoSelect === true),
    "no format selects it by itself",
  );
  demand(spec.protocolVersions.includes("grpc-v2"), "it does not say grpc-v2");
  for (const endpoint of [spec.grpcEndpoint, spec.grpcDataEndpoint]) {
    demand(/^(port:\d+|unix:\/.+)$/.test(endpoint), `${endpoint} is not an endpoint`);
    demand(!takenPorts.includes(portOf(endpoint)), `${endpoint} is taken in every pod`);
  }
  for (const { name } of spec.volumes ?? []) {
    demand(isFree(name, itsVolumes), `volume ${name} is reserved`);
  }
  for (const container of spec.containers) {
    broken.push(...brokenByContainer(container, spec));
  }
  return broken;
}

function brokenByContainer(container: Container, spec: ServingRuntime["spec"]): string[] {
  const broken: string[] = [];
  const demand = (holds: boolean, rule: string) => {
    if (!holds) broken.push(`container ${container.name}: ${rule}`);
  };
  demand(isFree(container.name, itsContainers), "the name is reserved");
  demand(container.readinessProbe === undefined, "readinessProbe is not its own");
  demand(container.lifecycle === undefined, "lifecycle is not its own");
  for (const { name = "", containerPort } of container.ports ?? []) {
    const isKept = containerPort >= firstKeptPort && containerPort <= lastKeptPort;
    demand(!itsPorts.includes(containerPort) && !isKept, `port ${containerPort} is reserved`);
    demand(isFree(name, itsPortNames), `port name ${name} is reserved`);
  }
  const volumes = (spec.volumes ?? []).map(({ name }) => name);
  for (const { name } of container.volumeMounts ?? []) {
    demand(isFree(name, itsVolumes), `mount of ${name} is reserved`);
    demand(volumes.includes(name), `there is no volume ${name}`);
  }
  const names = spec.containers.map(({ name }) => name);
  for (const { name, valueFrom } of container.env) {
    if (valueFrom === undefined) continue;
    const of = valueFrom.resourceFieldRef.containerName;
    demand(names.includes(of), `${name} is of container ${of}, which is not there`);
  }
  const { requests, limits } = container.resources;
  demand(requests["memory"] === limits["memory"], "memory that is asked for is not its limit");
  return broken;
}

/** NaN for unix sockets. */
export function portOf(endpoint: string): number {
  return Number(/^port:(\d+)$/.exec(endpoint)?.[1]);
}

function isFree(name: string, reserved: readonly string[]): boolean {
  return !reserved.includes(name) && !name.startsWith(itsPrefix);
}
