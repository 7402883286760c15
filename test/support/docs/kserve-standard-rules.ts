import type { Manifest } from "./kserve-manifests.ts";

export interface StandardContainer {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly startupProbe?: HttpProbe;
  readonly livenessProbe?: HttpProbe;
  readonly readinessProbe?: HttpProbe;
  readonly securityContext: Readonly<Record<string, unknown>>;
}

export interface HttpProbe {
  readonly httpGet?: { readonly path: string; readonly port: number };
}

/** A ClusterServingRuntime for pods that KServe makes itself. */
export interface StandardRuntime extends Manifest {
  readonly spec: {
    readonly annotations: Readonly<Record<string, string>>;
    readonly multiModel: boolean;
    readonly supportedModelFormats: readonly {
      readonly name: string;
      readonly version?: string;
      readonly autoSelect?: boolean;
      readonly priority?: number;
    }[];
    readonly protocolVersions: readonly string[];
    readonly containers: readonly StandardContainer[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

/** What KServe's controllers, its agent and the policies of a restricted namespace want beyond the types: one line for
 *  each rule that is broken. Read in the sources of KServe 0.20. */
export function standardRules({ spec }: StandardRuntime): string[] {
  const broken: string[] = [];
  const rule = (holds: boolean, what: string) => {
    if (!holds) broken.push(what);
  };
  const [container, ...others] = spec.containers;
  // For KServe, multiModel is ModelMesh.
  rule(!spec.multiModel, "multiModel: KServe passes over such runtimes in Standard mode");
  rule(
    ["v1", "v2", "grpc-v2"].every((each) => spec.protocolVersions.includes(each)),
    "protocolVersions must be v1, v2 and grpc-v2",
  );
  rule(
    others.length === 0 && container?.name === "kserve-container",
    "the container must be kserve-container",
  );
  if (container === undefined) return broken;
  const { ports, args, volumeMounts, resources, securityContext } = container;
  const [port] = ports;
  rule(
    ports.length === 1 && port?.name === "http1",
    "expected one port, named http1: Knative takes no more",
  );
  // Written into the agent.
  rule(port?.containerPort === 8080, "the port must be 8080, where the agent calls");
  rule(
    spec.annotations["prometheus.kserve.io/port"] === String(port?.containerPort),
    "the metrics are at another port",
  );
  for (const name of ["startupProbe", "livenessProbe", "readinessProbe"] as const) {
    const get = container[name]?.httpGet;
    const path = name === "readinessProbe" ? "/v2/health/ready" : "/v2/health/live";
    rule(get?.port === port?.containerPort && get?.path === path, `${name} must ask ${path}`);
  }
  // KServe mounts it, from the storage initializer or the agent.
  rule(
    !volumeMounts.some(({ mountPath }) => mountPath.startsWith("/mnt")),
    "/mnt/models is mounted by KServe",
  );
  const volumes = new Set(spec.volumes.map(({ name }) => name));
  rule(
    volumeMounts.every(({ name }) => volumes.has(name)),
    "a mount without a volume",
  );
  rule(
    args.some((arg) => arg.endsWith("=/mnt/models")),
    "nothing reads /mnt/models",
  );
  rule(
    resources.requests["memory"] === resources.limits["memory"],
    "memory: less is asked for than used",
  );
  rule(
    ![...Object.keys(resources.limits)].some((name) => name.includes("gpu")),
    "nothing here runs on a GPU",
  );
  rule(
    securityContext["runAsNonRoot"] === true &&
      securityContext["readOnlyRootFilesystem"] === true &&
      securityContext["allowPrivilegeEscalation"] === false,
    "securityContext: a restricted namespace would refuse it",
  );
  return broken;
}
