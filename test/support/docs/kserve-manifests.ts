import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { projectRoot } from "../servers/served.ts";

const run = promisify(execFile);

/** A Kubernetes object, as far as all of them are alike. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvironmentVariable[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: unknown;
  readonly securityContext: Readonly<Record<string, unknown>>;
}

export interface Probe {
  readonly exec: { readonly command: readonly string[] };
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly resourceFieldRef: { readonly containerName: string; readonly resource: string };
  };
}

/** ServingRuntime or ClusterServingRuntime. */
export interface ServingRuntime extends Manifest {
  readonly spec: {
    readonly multiModel?: boolean;
    readonly builtInAdapter?: unknown;
    readonly supportedModelFormats: readonly {
      readonly name: string;
      readonly version?: string;
      readonly autoSelect?: boolean;
    }[];
    readonly protocolVersions: readonly string[];
    readonly grpcEndpoint: string;
    readonly grpcDataEndpoint: string;
    readonly storageHelper?: { readonly disabled: boolean };
    readonly containers: readonly Container[];
    readonly volumes?: readonly { readonly name: string }[];
  };
}

const tools: readonly [string, ...string[]][] = [
  ["kubectl", "kustomize"],
  ["kustomize", "build"],
  [join(projectRoot, "node_modules/.cache/kustomize/kustomize"), "build"],
];

/** The program and its first arguments that build kustomizations here; undefined if there is none. */
export async function findKustomize(): Promise<[string, ...string[]] | undefined> {
  for (const tool of tools) {
    const [program, ...args] = tool;
    const works = run(program, [...args, join(projectRoot, "deploy/kserve/base")]);
    if (await works.then(Boolean, () => false)) return tool;
  }
  return undefined;
}

/** What `kubectl apply -k` would send. `folder` is below deploy/kserve. */
export async function buildManifests(
  [program, ...args]: readonly [string, ...string[]],
  folder: string,
): Promise<Manifest[]> {
  const { stdout } = await run(program, [...args, join(projectRoot, "deploy/kserve", folder)]);
  return parseAllDocuments(stdout).map((document) => {
    for (const error of document.errors) throw error;
    return document.toJS() as Manifest;
  });
}

/** The environment that the kubelet gives this container, what it takes from resources included. */
export function environmentOfContainer(container: Container): Record<string, string> {
  return Object.fromEntries(
    container.env.map(({ name, value, valueFrom }) => {
      if (valueFrom === undefined) return [name, value ?? ""];
      const [kind = "", resource = ""] = valueFrom.resourceFieldRef.resource.split(".");
      const quantity = container.resources[kind as "requests" | "limits"][resource];
      return [name, String(bytesOf(quantity ?? ""))];
    }),
  );
}

/** Bytes in a quantity of memory, which our files write with a binary unit. */
function bytesOf(quantity: string): number {
  const [, count, unit = ""] = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity) ?? [];
  if (count === undefined) throw new Error(`not a quantity of memory: "${quantity}"`);
  return Number(count) * 1024 ** (["Ki", "Mi", "Gi"].indexOf(unit) + 1);
}
