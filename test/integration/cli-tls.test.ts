import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { runCli } from "../support/clients/run-cli.ts";

const run = promisify(execFile);

describe("modelport with TLS and a token", { timeout: 300_000 }, () => {
  let folder: string;
  let server: http2.Http2SecureServer;
  let address: string;
  const seen: { authorization: string | undefined; clientName: unknown }[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-tls-"));
    for (const name of ["server", "client"]) {
      await run("openssl", [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost"],
        ...["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)],
      ]);
    }
    await writeFile(join(folder, "token"), "s3cret\n");
    server = http2.createSecureServer({
      key: await readFile(join(folder, "server.key")),
      cert: await readFile(join(folder, "server.pem")),
      ca: await readFile(join(folder, "client.pem")),
      requestCert: true,
      rejectUnauthorized: false,
      allowHTTP1: true,
    });
    // Says yes to probes, which are HTTP/1.1, and refuses gRPC calls.
    server.on("request", (request, response) => {
      note(request.headers, request.socket as TLSSocket);
      if (request.httpVersion === "2.0") {
        response.stream.respond(
          {
            ":status": 200,
            "content-type": "application/grpc",
            "grpc-status": "16",
            "grpc-message": "who are you?",
          },
          { endStream: true },
        );
      } else response.end('{"status": "SERVING"}');
    });
    server.listen(0, "localhost");
    await once(server, "listening");
    address = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function note(headers: IncomingHttpHeaders, socket: TLSSocket): void {
    const { subject } = socket.getPeerCertificate();
    seen.push({ authorization: headers.authorization, clientName: subject?.CN });
  }

  const file = (name: string) => join(folder, name);
  const identity = () => [
    ...["--ca-file", file("server.pem"), "--token-file", file("token")],
    ...["--cert-file", file("client.pem"), "--key-file", file("client.key")],
  ];

  it("shows its certificate and its token, to probes and to all other calls", async () => {
    const probe = await runCli(["probe", "-a", address, ...identity()]);
    assert.deepEqual(probe, { status: exitCodes.ok, stdout: "ok\n", stderr: "" });
    assert.deepEqual(seen.pop(), { authorization: "Bearer s3cret", clientName: "client" });
    const status = await runCli(["status", "-a", address, ...identity()]);
    assert.equal(status.status, exitCodes.failed);
    assert.match(status.stderr, /^modelport: who are you\?\n {2}authenticate with --token-file/);
    assert.deepEqual(seen.pop(), { authorization: "Bearer s3cret", clientName: "client" });
  });

  it("takes the same from the environment", async () => {
    const env = {
      MODELPORT_ADDRESS: address,
      MODELPORT_CA_FILE: file("server.pem"),
      MODELPORT_TOKEN_FILE: file("token"),
    };
    assert.equal((await runCli(["probe"], { env })).status, exitCodes.ok);
    assert.deepEqual(seen.pop(), { authorization: "Bearer s3cret", clientName: undefined });
  });

  it("sends nothing to a server that nobody vouches for", async () => {
    for (const command of ["status", "probe"]) {
      const result = await runCli([command, "-a", address, "--token-file", file("token")]);
      assert.equal(result.status, exitCodes.unreachable, result.stderr);
      assert.match(
        result.stderr,
        /self-signed certificate \(\w+\)\n {2}name the certificate authority with --ca-file/,
      );
    }
    const elsewhere = address.replace("localhost", "127.0.0.1");
    const result = await runCli(["probe", "-a", elsewhere, "--ca-file", file("server.pem")]);
    assert.equal(result.status, exitCodes.unreachable);
    assert.match(result.stderr, /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.deepEqual(seen, []);
  });
});
