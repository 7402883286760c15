import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import {
  type ClientKind,
  type ClientTls,
  clientKinds,
  type Outcome,
} from "../support/clients/clients.ts";
import { requestHttps } from "../support/clients/https-request.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { type KeyPair, TestAuthority } from "../support/servers/certificates.ts";
import { testTls } from "../support/servers/test-tls.ts";

const { serverReady } = GRPCInferenceService.method;
const kinds = clientKinds.filter(({ tls }) => tls);

/** What a client of this kind gets; "no connection" if it never comes to a call. */
async function codeOf(kind: ClientKind, call: Promise<Outcome>): Promise<string> {
  try {
    const outcome = await call;
    return outcome.ok ? "OK" : outcome.code;
  } catch (error) {
    // Other clients tell of a connection that failed by a code.
    if (kind.name.startsWith("curl") && /got no answer/.test(String(error))) return "Unavailable";
    throw error;
  }
}

describe("a port of TLS", () => {
  const cleanup = suiteCleanup();
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let good: KeyPair;
  let server: FakeServer;
  const logged = (fake: FakeServer, msg: string) =>
    fake.logged.filter((line) => line["msg"] === msg);

  before(async () => {
    [authority, stranger] = await Promise.all([
      TestAuthority.create(cleanup),
      TestAuthority.create(cleanup),
    ]);
    good = await authority.issue({ commonName: "server", names: ["DNS:localhost"] });
    server = await startFakeServer(cleanup, { tls: testTls(good) });
  });

  async function readyCode(kind: ClientKind, fake: FakeServer, tls: ClientTls): Promise<string> {
    const client = kind.open({ port: fake.address.port, tls });
    try {
      return await codeOf(kind, client.call(serverReady, {}));
    } finally {
      client.close();
    }
  }

  for (const kind of kinds) {
    it(`answers ${kind.name}`, { skip: kind.skip ?? false }, async () => {
      assert.equal(await readyCode(kind, server, { ca: authority.ca }), "OK");
    });
  }

  it("answers REST", async () => {
    const { port } = server.address;
    const answer = await requestHttps(port, "/v2/health/ready", { tls: { ca: authority.ca } });
    assert.equal(answer.status, 200);
  });

  describe("whose certificate is not good", () => {
    const bad: { name: string; fake: FakeServer; ca: string }[] = [];
    before(async () => {
      const expired = await authority.issue({
        commonName: "server",
        names: ["DNS:localhost"],
        days: -1,
      });
      const elsewhere = await authority.issue({
        commonName: "server",
        names: ["DNS:elsewhere.example"],
      });
      const start = async (name: string, pair: KeyPair, ca: string) => {
        bad.push({ name, fake: await startFakeServer(cleanup, { tls: testTls(pair) }), ca });
      };
      await start("expired", expired, authority.ca);
      await start("of another host", elsewhere, authority.ca);
      await start("of an unknown authority", good, stranger.ca);
    });

    for (const kind of kinds) {
      it(`gets no call of ${kind.name}`, { skip: kind.skip ?? false }, async () => {
        for (const { name, fake, ca } of bad) {
          const code = await readyCode(kind, fake, { ca });
          assert.ok(isUnreachable(code), `${name}: ${code}`);
        }
      });
    }

    it("gets no request of REST", async () => {
      for (const { name, fake, ca } of bad) {
        const { port } = fake.address;
        await assert.rejects(requestHttps(port, "/v2/health/ready", { tls: { ca } }), Error, name);
        assert.deepEqual(fake.models.calls, []);
      }
    });

    it("says so in its log if it has expired", () => {
      const [expired] = bad;
      assert.ok(expired);
      assert.equal(logged(expired.fake, "server certificate expired").length, 1);
    });
  });

  describe("that wants certificates of its clients", () => {
    let strict: FakeServer;
    const shown: { name: string; tls: ClientTls; isGood: boolean }[] = [];
    before(async () => {
      const settings = { clientCaPath: authority.ca, clientAuth: "require" } as const;
      strict = await startFakeServer(cleanup, { tls: testTls(good, settings) });
      const { ca } = authority;
      const own = await authority.issue({ commonName: "client" });
      const expired = await authority.issue({ commonName: "client", days: -1 });
      const foreign = await stranger.issue({ commonName: "client" });
      shown.push(
        { name: "a good one", tls: { ca, ...own }, isGood: true },
        { name: "none", tls: { ca }, isGood: false },
        { name: "an expired one", tls: { ca, ...expired }, isGood: false },
        { name: "one of another authority", tls: { ca, ...foreign }, isGood: false },
      );
    });

    for (const kind of kinds) {
      it(`answers ${kind.name} with a good one only`, { skip: kind.skip ?? false }, async () => {
        for (const { name, tls, isGood } of shown) {
          const code = await readyCode(kind, strict, tls);
          assert.ok(isGood ? code === "OK" : isUnreachable(code), `${name}: ${code}`);
        }
      });
    }

    it("answers REST with a good one only", async () => {
      for (const { name, tls, isGood } of shown) {
        const answer = requestHttps(strict.address.port, "/v2/health/ready", { tls });
        if (isGood) assert.equal((await answer).status, 200);
        else await assert.rejects(answer, Error, name);
      }
    });

    it("tells in its log what was wrong, and counts", () => {
      const reasons = logged(strict, "TLS handshake failed").map(({ reason }) => String(reason));
      for (const expected of [
        /peer did not return a certificate/,
        /client's certificate was refused: CERT_HAS_EXPIRED/,
        /client's certificate was refused: (UNABLE_TO|SELF_SIGNED)/,
      ]) {
        assert.ok(
          reasons.some((reason) => expected.test(reason)),
          `${expected} in ${reasons.join("\n")}`,
        );
      }
      assert.ok((strict.server.tls?.failureCount ?? 0) >= reasons.length);
    });
  });
});

/** What clients make of a connection that comes to nothing; they do not agree on the code. */
function isUnreachable(code: string): boolean {
  return ["Unavailable", "Internal", "Aborted", "Canceled"].includes(code);
}
