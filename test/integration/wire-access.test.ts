import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import {
  type ClientTls,
  clientKinds,
  type Outcome,
  type Target,
} from "../support/clients/clients.ts";
import { requestHttps } from "../support/clients/https-request.ts";
import {
  type FakeServer,
  startFakeServer,
  suiteCleanup,
  temporarySocketPath,
} from "../support/fakes/fake-server.ts";
import { TestAuthority } from "../support/servers/certificates.ts";
import { testTls } from "../support/servers/test-tls.ts";
import { waitFor } from "../support/wait-for.ts";

const { modelReady, serverReady, repositoryModelLoad } = GRPCInferenceService.method;
const { unloadModel } = ModelRuntime.method;
const kinds = clientKinds.filter(({ tls }) => tls);

const lifecycleToken = "lifecycle-0123456789abcdef";
const inferenceToken = "inference-0123456789abcdef";

/** What somebody shows, and what the server makes of it. */
interface Row {
  readonly name: string;
  readonly token?: string;
  readonly certificate?: "listed" | "unlisted";
  readonly lifecycle: Verdict;
  readonly inference: Verdict;
}

type Verdict = "OK" | "Unauthenticated" | "PermissionDenied";

const rows: readonly Row[] = [
  { name: "nothing", lifecycle: "Unauthenticated", inference: "Unauthenticated" },
  {
    name: "a token that nobody knows",
    token: "wrong-0123456789abcdef",
    lifecycle: "Unauthenticated",
    inference: "Unauthenticated",
  },
  {
    name: "a token for inference",
    token: inferenceToken,
    lifecycle: "PermissionDenied",
    inference: "OK",
  },
  { name: "a token for lifecycle", token: lifecycleToken, lifecycle: "OK", inference: "OK" },
  {
    name: "a certificate that is not listed",
    certificate: "unlisted",
    lifecycle: "PermissionDenied",
    inference: "OK",
  },
  { name: "one that is", certificate: "listed", lifecycle: "OK", inference: "OK" },
  {
    name: "one that is not, and a token for lifecycle",
    certificate: "unlisted",
    token: lifecycleToken,
    lifecycle: "OK",
    inference: "OK",
  },
  {
    name: "one that is, and a token that nobody knows",
    certificate: "listed",
    token: "wrong-0123456789abcdef",
    lifecycle: "OK",
    inference: "OK",
  },
];

const statuses: Readonly<Record<Verdict, number>> = {
  OK: 200,
  Unauthenticated: 401,
  PermissionDenied: 403,
};

describe("calls to a server that wants to know who calls", () => {
  const cleanup = suiteCleanup();
  let authority: TestAuthority;
  let fake: FakeServer;
  let socketPath: string;
  const certificates: Partial<Record<"none" | "listed" | "unlisted", ClientTls>> = {};

  before(async () => {
    authority = await TestAuthority.create(cleanup);
    const { ca } = authority;
    const listed = await authority.issue({
      commonName: "somebody",
      names: ["DNS:ops.example", "URI:spiffe://example.com/ops"],
    });
    const unlisted = await authority.issue({
      commonName: "URI:spiffe://example.com/ops",
      names: ["DNS:spiffe://example.com/ops"],
    });
    certificates.none = { ca };
    certificates.listed = { ca, ...listed };
    certificates.unlisted = { ca, ...unlisted };
    const lifecycleTokensPath = join(authority.folder, "lifecycle-tokens");
    const inferenceTokensPath = join(authority.folder, "inference-tokens");
    await writeFile(lifecycleTokensPath, `# of operators\n${lifecycleToken}\n`);
    await writeFile(inferenceTokensPath, `\n${inferenceToken}\n`);
    socketPath = await temporarySocketPath(cleanup);
    fake = await startFakeServer(cleanup, {
      socketPath,
      tls: testTls(await authority.issue({ commonName: "server", names: ["DNS:localhost"] }), {
        clientCaPath: ca,
        clientAuth: "optional",
      }),
      access: {
        rules: {
          lifecycle: "authenticated",
          inference: "authenticated",
          health: "any",
          metrics: "local",
        },
        lifecycleTokensPath,
        inferenceTokensPath,
        lifecycleClients: ["URI:spiffe://example.com/ops"],
      },
    });
    fake.models.put("m", "FP32", () => []);
  });

  const tlsOf = ({ certificate }: Row): ClientTls => {
    const tls = certificates[certificate ?? "none"];
    assert.ok(tls);
    return tls;
  };
  const headerOf = ({ token }: Row): Record<string, string> =>
    token === undefined ? {} : { authorization: `Bearer ${token}` };

  for (const kind of kinds) {
    it(`of ${kind.name} are answered by what they show`, { skip: kind.skip ?? false }, async () => {
      for (const row of rows) {
        const client = kind.open({ port: fake.address.port, tls: tlsOf(row) });
        const header = headerOf(row);
        const verdict = (outcome: Outcome) => (outcome.ok ? "OK" : outcome.code);
        const verdicts = {
          lifecycle: verdict(await client.call(unloadModel, { modelId: "x" }, { header })),
          repository: verdict(
            await client.call(repositoryModelLoad, { modelName: "shelved" }, { header }),
          ),
          inference: verdict(await client.call(modelReady, { name: "m" }, { header })),
          health: verdict(await client.call(serverReady, {}, { header })),
        };
        client.close();
        const { lifecycle, inference } = row;
        const expected = { lifecycle, repository: lifecycle, inference, health: "OK" };
        assert.deepEqual(verdicts, expected, row.name);
      }
    });
  }

  it("of REST are answered by what they show", async () => {
    for (const row of rows) {
      const ask = (path: string, method: "GET" | "POST") =>
        requestHttps(fake.address.port, path, {
          tls: tlsOf(row),
          method,
          headers: headerOf(row),
        });
      const loaded = await ask("/v2/repository/models/shelved/load", "POST");
      assert.equal(loaded.status, statuses[row.lifecycle], row.name);
      for (const path of ["/v2/models/m/ready", "/v2", "/v2/openapi.json", "/v2/models/stats"]) {
        const answer = await ask(path, "GET");
        assert.equal(answer.status, statuses[row.inference], `${row.name}: ${path}`);
        const challenge = row.inference === "Unauthenticated" ? "Bearer" : undefined;
        assert.equal(answer.headers["www-authenticate"], challenge);
      }
      assert.equal((await ask("/v2/health/ready", "GET")).status, 200);
    }
  });

  it("that watch are answered by what they show, and told what they may do", async () => {
    const path = "/modelport.v1.RuntimeWatchService/GetSnapshot";
    for (const row of rows) {
      const headers = { ...headerOf(row), "content-type": "application/json" };
      const tls = tlsOf(row);
      const options = { tls, method: "POST", headers, body: "{}" };
      const { status, body } = await requestHttps(fake.address.port, path, options);
      assert.equal(status, statuses[row.inference], row.name);
      if (status === 200) {
        const { caller } = JSON.parse(body) as { caller: unknown };
        const mayChangeModels = row.lifecycle === "OK";
        assert.deepEqual(caller, { mayChangeModels, takesTokens: true }, row.name);
      }
    }
    const lines = await requestHttps(fake.address.port, "/modelport/v1/watch", {
      tls: { ca: authority.ca },
    });
    assert.equal(lines.status, 401);
  });

  it("of the unix socket need to show nothing", async () => {
    const target: Target = { socketPath };
    for (const kind of kinds.slice(0, 2)) {
      const client = kind.open(target);
      assert.ok((await client.call(unloadModel, { modelId: "x" })).ok);
      assert.ok((await client.call(modelReady, { name: "m" })).ok);
      client.close();
    }
  });

  it("show the page of the dashboard to everybody, which has nothing to hide", async () => {
    const options = { tls: { ca: authority.ca }, headers: { accept: "text/html" } };
    const { status } = await requestHttps(fake.address.port, "/", options);
    assert.notEqual(status, 401);
  });

  it("are counted and logged when they are refused, without what they showed", () => {
    const refused = fake.logged.filter(({ code }) => code === "Unauthenticated");
    assert.ok(refused.length > 0);
    assert.match(JSON.stringify(refused[0]), /"isTls":true/);
    const text = JSON.stringify(fake.logged);
    for (const token of [lifecycleToken, inferenceToken, "wrong-0123456789abcdef"]) {
      assert.ok(!text.includes(token));
    }
    const counts = Object.fromEntries(
      fake.server.refusals.map(({ right, reason, count }) => [`${right} ${reason}`, count]),
    );
    assert.deepEqual(Object.keys(counts).toSorted(), [
      "inference no_credential",
      "inference unknown_token",
      "lifecycle no_credential",
      "lifecycle not_permitted",
      "lifecycle unknown_token",
    ]);
    for (const count of Object.values(counts)) assert.ok(count > 0);
  });

  it("are not refused because of a word that is written in another way", async () => {
    for (const authorization of [`bearer ${lifecycleToken}`, `BEARER   ${lifecycleToken} `]) {
      const options = { tls: { ca: authority.ca }, headers: { authorization } };
      const { status } = await requestHttps(fake.address.port, "/v2", options);
      assert.equal(status, 200, authorization);
    }
    for (const authorization of [
      "Bearer",
      `Basic ${lifecycleToken}`,
      `Bearer x ${inferenceToken}`,
    ]) {
      const options = { tls: { ca: authority.ca }, headers: { authorization } };
      const { status } = await requestHttps(fake.address.port, "/v2", options);
      assert.equal(status, 401, authorization);
    }
  });
});

describe("tokens", () => {
  it("may change while the server runs, and what is not a list of tokens changes nothing", async (t) => {
    const authority = await TestAuthority.create(t);
    const path = join(authority.folder, "tokens");
    const replace = async (content: string) => {
      await writeFile(`${path}.new`, content);
      await rename(`${path}.new`, path);
    };
    const [old, next] = ["old-token-0123456789", "new-token-0123456789"];
    await replace(`${old}\n`);
    const fake = await startFakeServer(t, {
      access: {
        rules: { lifecycle: "local", inference: "authenticated", health: "any", metrics: "local" },
        inferenceTokensPath: path,
      },
    });
    const status = async (token: string) => {
      const answer = await fetch(`http://127.0.0.1:${fake.address.port}/v2`, {
        headers: { authorization: `Bearer ${token}` },
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    assert.deepEqual([await status(old), await status(next)], [200, 401]);
    await replace(`${old}\n${next}\n`);
    await waitFor(async () => (await status(next)) === 200);
    assert.equal(await status(old), 200);
    for (const bad of ["", "short\n", "two words in a line\n"]) {
      const failed = fake.logged.length;
      await replace(bad);
      await waitFor(() => fake.logged.slice(failed).some(isFailedReload));
      assert.equal(await status(next), 200);
    }
    await replace("# nobody\n");
    await waitFor(async () => (await status(next)) === 401);
    assert.ok(!JSON.stringify(fake.logged).includes("short"));
  });

  it("stop the start if their file cannot be used", async (t) => {
    const authority = await TestAuthority.create(t);
    for (const [name, content] of [
      ["missing", undefined],
      ["empty", ""],
      ["weak", "s3cret\n"],
    ] as const) {
      const path = join(authority.folder, name);
      if (content !== undefined) await writeFile(path, content);
      await assert.rejects(startFakeServer(t, { access: { lifecycleTokensPath: path } }), {
        name: "RuntimeError",
        kind: "failed-precondition",
        message: new RegExp(`${name}: `),
      });
    }
  });
});

function isFailedReload({ msg }: Record<string, unknown>): boolean {
  return msg === "credentials not reloaded, the old ones stay in use";
}
