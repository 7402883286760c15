import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/config.ts";
import { settings } from "../../src/config/settings.ts";
import { chartFolder, findHelm, renderChart, runHelm } from "../support/docs/helm-chart.ts";
import {
  type Container,
  environmentOfContainer,
  type Manifest,
} from "../support/docs/kserve-manifests.ts";
import { kindOf, knownKinds, schemaErrors } from "../support/docs/kubernetes-schema.ts";
import { projectRoot } from "../support/servers/served.ts";
import { inTemporaryFolder } from "../tooling/temporary-folder.ts";

const helm = await findHelm();
const lacking = helm === undefined ? "needs Helm: test/integration/install-helm.sh" : false;
const render = (...args: string[]) => renderChart(helm ?? "", ...args);
const readChart = (file: string) => readFile(join(chartFolder, file), "utf8");

/** The values of each file of ci/, and the chart's own. */
const cases = [undefined, ...globSync("ci/*-values.yaml", { cwd: chartFolder }).sort()];
const rendered = new Map<string, Manifest[]>();
if (helm !== undefined) {
  for (const file of cases) {
    const args = file === undefined ? [] : ["-f", join(chartFolder, file)];
    rendered.set(file === undefined ? "default" : basename(file), await render(...args));
  }
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly (Container & { readonly args?: readonly string[] })[];
  readonly volumes: readonly { readonly name: string }[];
}

/** Any field of a manifest, by its path; undefined if there is none. */
function field(manifest: Manifest | undefined, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], manifest);
}

const kindIn = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((each) => each.kind === kind);

/** The pods of a Deployment and of a serving runtime. */
function podsOf(manifests: readonly Manifest[]): Pod[] {
  return manifests.flatMap((manifest) => {
    if (manifest.kind === "Deployment") return [field(manifest, "spec.template.spec") as Pod];
    return manifest.kind.endsWith("ServingRuntime") ? [field(manifest, "spec") as Pod] : [];
  });
}

it("there is Helm, where it has to be", () => {
  if (process.env["MODELPORT_REQUIRE_HELM"] === "1") assert.equal(lacking, false);
});

describe("the values of the Helm chart", () => {
  it("are the properties of their schema, each of them", async () => {
    const values = parse(await readChart("values.yaml")) as Record<string, unknown>;
    const schema = JSON.parse(await readChart("values.schema.json")) as Property;
    const missing = undescribed(values, schema, "");
    assert.deepEqual(missing, []);
  });

  interface Property {
    readonly properties?: Readonly<Record<string, Property>>;
  }

  /** Paths that only one of the two has, where the schema lists properties. */
  function undescribed(value: unknown, { properties }: Property, path: string): string[] {
    if (properties === undefined || typeof value !== "object" || value === null) return [];
    const has = (name: string) => Object.hasOwn(value, name);
    const free = ["global", "resources.claims"];
    const unlisted = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
    const gone = Object.keys(properties).filter((name) => !has(name));
    return [
      ...[...unlisted, ...gone].map((name) => join(path, name)),
      ...Object.entries(properties).flatMap(([name, property]) =>
        has(name) ? undescribed(Reflect.get(value, name), property, join(path, name)) : [],
      ),
    ].filter((each) => !free.includes(each.replaceAll("/", ".")));
  }

  it("have the version of the program, and its alerts", async () => {
    const { version } = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as {
      version: string;
    };
    assert.equal(
      (parse(await readChart("Chart.yaml")) as { appVersion: string }).appVersion,
      version,
    );
    const alerts = await readFile(join(projectRoot, "deploy/prometheus/alerts.yaml"), "utf8");
    assert.equal(await readChart("files/alerts.yaml"), alerts);
  });
});

describe("the Helm chart", { skip: lacking }, () => {
  it("has nothing that Helm's linter complains of", async () => {
    for (const file of cases.filter((each) => each !== undefined)) {
      const values = ["-f", join(chartFolder, file)];
      const { stdout } = await runHelm(helm ?? "", "lint", "--strict", chartFolder, ...values);
      assert.match(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/, file);
    }
  });

  it("renders objects that the API server takes, of every kind that it has", () => {
    const seen = new Set<string>();
    for (const [name, manifests] of rendered) {
      for (const manifest of manifests) {
        seen.add(kindOf(manifest));
        assert.deepEqual(schemaErrors(manifest), [], `${name}: ${manifest.kind}`);
      }
    }
    assert.deepEqual([...seen].sort(), knownKinds().sort());
  });

  it("gives each object a name of its own, and none twice", () => {
    for (const [name, manifests] of rendered) {
      const names = manifests.map((each) => `${each.kind} ${each.metadata.name}`);
      assert.equal(new Set(names).size, names.length, name);
    }
  });

  it("gives the runtime settings that exist, and with which it starts", async () => {
    const known = Object.values(settings).map(({ env }) => env as string);
    for (const [name, manifests] of rendered) {
      const [config] = kindIn(manifests, "ConfigMap");
      for (const { containers } of podsOf(manifests)) {
        const [container] = containers;
        assert.ok(container !== undefined);
        const environment = environmentOfContainer(container);
        const strays = Object.keys(environment).filter((each) => !known.includes(each));
        assert.deepEqual(strays, [], name);
        await inTemporaryFolder(async (folder) => {
          const args = await withSettings(container.args ?? [], config, folder);
          const { config: read, problems, warnings } = await loadConfig(args, environment);
          assert.deepEqual([...problems, ...warnings], [], name);
          assert.ok(read !== undefined && read.capacityBytes > 0, name);
        });
      }
    }
  });

  it("ends a pod no sooner than the hook, the calls and the hosts may take", () => {
    for (const [name, manifests] of rendered) {
      for (const { containers, terminationGracePeriodSeconds } of podsOf(
        kindIn(manifests, "Deployment"),
      )) {
        const [container] = containers;
        assert.ok(container !== undefined);
        const grace = Number(environmentOfContainer(container)["SHUTDOWN_GRACE"]) / 1000;
        const hook = JSON.stringify(container.lifecycle ?? {});
        const [, sleep = "0"] = /"sleep","(\d+)"/.exec(hook) ?? [];
        assert.ok(terminationGracePeriodSeconds >= grace + Number(sleep) + 10, name);
      }
    }
  });

  it("mounts each volume that it declares, and declares each that it mounts", () => {
    for (const [name, manifests] of rendered) {
      for (const { containers, volumes } of podsOf(manifests)) {
        const mounted = containers.flatMap(({ volumeMounts = [] }) =>
          volumeMounts.map((each) => each.name),
        );
        assert.deepEqual(new Set(mounted), new Set(volumes.map((each) => each.name)), name);
      }
    }
  });

  it("sends services to the pods of the runtime, and to no other", () => {
    for (const [name, manifests] of rendered) {
      const labels = field(kindIn(manifests, "Deployment")[0], "spec.template.metadata.labels");
      const [test] = kindIn(manifests, "Pod");
      for (const service of kindIn(manifests, "Service")) {
        const selector = Object.entries(field(service, "spec.selector") as Record<string, string>);
        const selects = (all: unknown) =>
          selector.every(([key, value]) => (all as Record<string, string>)[key] === value);
        assert.ok(selects(labels), name);
        if (test !== undefined) assert.ok(!selects(field(test, "metadata.labels")), name);
      }
    }
  });

  it("scales and alerts by metrics that the runtime has", async () => {
    const page = await readFile(join(projectRoot, "docs/metrics.md"), "utf8");
    const scalers = [...rendered.values()]
      .flat()
      .filter(({ kind }) => /Autoscaler|ScaledObject|PrometheusRule/.test(kind));
    assert.deepEqual(
      new Set(scalers.map(({ kind }) => kind)),
      new Set(["HorizontalPodAutoscaler", "ScaledObject", "PrometheusRule"]),
    );
    const names = JSON.stringify(scalers).matchAll(/\bmodelport_[a-z_]+/g);
    const readme = (await readChart("README.md")).matchAll(/\bmodelport_[a-z_]+/g);
    for (const [name] of [...names, ...readme]) {
      assert.ok(page.includes(`\`${name.replace(/_(bucket|sum|count)$/, "")}\``), name);
    }
  });

  it("leaves the number of pods to a scaler where there is one", () => {
    for (const [name, manifests] of rendered) {
      const scaled = manifests.some(({ kind }) => /Autoscaler|ScaledObject/.test(kind));
      for (const deployment of kindIn(manifests, "Deployment")) {
        assert.equal(field(deployment, "spec.replicas") === undefined, scaled, name);
      }
    }
  });

  it("asks for health where TLS and certificates do not keep the kubelet out", () => {
    const [pod] = podsOf(rendered.get("secured-values.yaml") ?? []);
    const [container] = pod?.containers ?? [];
    for (const probe of [
      container?.startupProbe,
      container?.livenessProbe,
      container?.readinessProbe,
    ]) {
      assert.match(
        probe?.exec.command.join(" ") ?? "",
        /^node \/app\/deploy\/health\.js (live|ready)$/,
      );
    }
    assert.ok(container !== undefined && environmentOfContainer(container)["UNIX_SOCKET_PATH"]);
  });

  const refused: [string, string[], RegExp][] = [
    ["a misspelt value", ["replicaCounts=3"], /replicaCounts/],
    [
      "a setting of the chart's own",
      ["settings.port=9000"],
      /settings\.port: the chart sets it; change port instead/,
    ],
    ["no memory limit", ["resources.limits=null"], /limits/],
    ["an unknown scaler", ["autoscaling.kind=vpa"], /autoscaling/],
    [
      "a scaler with nothing to scale by",
      ["autoscaling.kind=hpa", "autoscaling.targetCpuPercent=0", "autoscaling.targetWaiting=0"],
      /nothing to scale by/,
    ],
    [
      "KEDA without metrics",
      ["autoscaling.kind=keda", "metrics.enabled=false"],
      /set metrics\.enabled/,
    ],
    [
      "a monitor without metrics",
      ["metrics.serviceMonitor.enabled=true", "metrics.enabled=false"],
      /set metrics\.enabled/,
    ],
    ["a wrong digest", ["image.digest=latest"], /digest/],
  ];
  for (const [what, values, message] of refused) {
    it(`refuses ${what}`, async () => {
      const args = values.flatMap((value) => ["--set", value]);
      await assert.rejects(render(...args), ({ stderr }: { stderr: string }) => {
        assert.match(stderr, message);
        return true;
      });
    });
  }
});

/** Arguments with the file of settings where the test can read it. */
async function withSettings(
  args: readonly string[],
  config: Manifest | undefined,
  folder: string,
): Promise<string[]> {
  const text = field(config, "data");
  if (text === undefined) return [...args];
  const file = join(folder, "modelport.yaml");
  await writeFile(file, (text as Record<string, string>)["modelport.yaml"] ?? "");
  return args.map((arg) => (arg === "/etc/modelport/modelport.yaml" ? file : arg));
}
