import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { addOne } from "../support/models/simple-models.ts";
import { TestAuthority } from "../support/servers/certificates.ts";
import { startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const callsPerSecond = 1_000;
/** A busy machine answers fewer a second: what is due then is left out, or calls would pile up for as long as it goes on. */
const mostInFlight = 100;
const connectionLifeMs = 100;

const [oldToken, newToken] = ["old-token-0123456789abcdef", "new-token-0123456789abcdef"];

const request = grpcFrame(
  toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: "add1",
      inputs: [
        {
          name: "x",
          datatype: "FP32",
          shape: [1n, 4n],
          contents: { fp32Contents: [1, 2, 3, 4] },
        },
      ],
    }),
  ),
);

/** Runs model "add1" again and again, on a connection of which there is a new one ten times a second. */
class SteadyCaller {
  readonly #url: string;
  readonly #ca: Buffer;
  readonly #startMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #inFlight = new Set<Promise<void>>();
  readonly failures: string[] = [];
  /** Of the certificates that the server has shown. */
  readonly serialNumbers = new Set<string>();
  token = oldToken;
  answered = 0;
  #sent = 0;
  /** Undefined until the first is connected. */
  #session: http2.ClientHttp2Session | undefined;
  #sessionStartMs = 0;
  #isConnecting = false;
  readonly #connected: Promise<void>;

  constructor(url: string, ca: Buffer) {
    this.#url = url;
    this.#ca = ca;
    this.#connected = new Promise((resolve) => this.#connect(resolve));
    this.#timer = setInterval(() => this.#sendWhatIsDue(), 5);
  }

  /** Resolves when all calls that are in flight now have ended. */
  async answers(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Resolves with the rate when every call has ended. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    const seconds = (performance.now() - this.#startMs) / 1000;
    await Promise.all(this.#inFlight);
    this.#session?.destroy();
    return this.answered / seconds;
  }

  /** Resolves with the status of one call with `token`. */
  async status(token: string): Promise<string> {
    await this.#connected;
    assert.ok(this.#session);
    const stream = this.#session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    let status = "no status";
    const note = (headers: http2.IncomingHttpHeaders) => {
      if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", (error) => {
      status = error.message;
    });
    stream.resume();
    stream.end(request);
    await new Promise((resolve) => stream.once("close", resolve));
    return status;
  }

  #sendWhatIsDue(): void {
    const isOld = performance.now() - this.#sessionStartMs > connectionLifeMs;
    if (isOld && !this.#isConnecting) this.#connect();
    const due = Math.ceil(((performance.now() - this.#startMs) / 1000) * callsPerSecond);
    for (; this.#sent < due && this.#inFlight.size < mostInFlight; this.#sent++) {
      const call = this.status(this.token).then((status) => {
        if (status === "0") this.answered += 1;
        else this.failures.push(status);
        this.#inFlight.delete(call);
      });
      this.#inFlight.add(call);
    }
    this.#sent = due;
  }

  /** The connection before is used until this one is there. */
  #connect(onConnected = () => {}): void {
    this.#sessionStartMs = performance.now();
    this.#isConnecting = true;
    const session = http2.connect(this.#url, { ca: this.#ca });
    session.on("error", (error) => this.failures.push(error.message));
    session.once("connect", (_session, socket) => {
      this.#isConnecting = false;
      this.serialNumbers.add((socket as TLSSocket).getPeerCertificate().serialNumber);
      const old = this.#session;
      this.#session = session;
      // Calls that have not been sent by then would fail.
      void this.answers().then(() => old?.close());
      onConnected();
    });
  }
}

describe("certificate and token", () => {
  it("change under load without a request lost", { timeout: 300_000 }, async (t) => {
    const authority = await TestAuthority.create(t);
    const inFolder = (name: string) => join(authority.folder, name);
    const issue = () => authority.issue({ commonName: "server", names: ["DNS:localhost"] });
    const [first, second] = [await issue(), await issue()];
    const [cert, key, tokens] = [inFolder("tls.crt"), inFolder("tls.key"), inFolder("tokens")];
    await copyFile(first.cert, cert);
    await copyFile(first.key, key);
    await writeFile(tokens, `${oldToken}\n`);
    await mkdir(inFolder("models"));
    await writeFile(inFolder("models/add1.onnx"), addOne());
    const served = await startServed([
      ...["--model-repository", inFolder("models"), "--tls-cert", cert, "--tls-key", key],
      ...["--inference-access", "authenticated", "--inference-tokens", tokens],
      // On a busy machine calls may wait, but none is to be refused for it.
      ...["--max-queue-size", "0", "--max-queue-wait", "0"],
    ]);
    t.after(() => served.stop("SIGKILL"));
    await waitFor(() => served.output().includes("Modelport serves 1 model"));
    const caller = new SteadyCaller(`https://localhost:${served.port}`, readFileSync(authority.ca));
    // Whatever fails below: it would go on for ever.
    t.after(() => caller.stop());
    await sleep(500);
    // In two steps, as careless people do: between them the two are no pair.
    await copyFile(second.cert, cert);
    await sleep(1_200);
    await copyFile(second.key, key);
    await waitFor(() => caller.serialNumbers.size === 2);
    await writeFile(tokens, `${oldToken}\n${newToken}\n`);
    await waitFor(async () => (await caller.status(newToken)) === "0");
    caller.token = newToken;
    await caller.answers();
    await writeFile(tokens, `${newToken}\n`);
    const unauthenticated = "16";
    await waitFor(async () => (await caller.status(oldToken)) === unauthenticated);
    await sleep(500);
    const rate = await caller.stop();
    t.diagnostic(`${caller.answered} requests, ${Math.round(rate)} a second`);
    assert.deepEqual(caller.failures, []);
    assert.ok(caller.answered > 0);
    assert.equal(caller.serialNumbers.size, 2);
    assert.match(served.complaints(), /the key does not belong to the certificate/);
  });
});
