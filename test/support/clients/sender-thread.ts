import { Worker } from "node:worker_threads";

export interface SentRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const source = `
const { parentPort, workerData: port } = require("node:worker_threads");
const http2 = require("node:http2");
const origin = "http://127.0.0.1:" + port;
let held;
parentPort.on("message", async (message) => {
  if (message !== "go") {
    held = message;
    return parentPort.postMessage("held");
  }
  const { path, headers, body, isGrpc } = held;
  if (isGrpc) {
    const session = http2.connect(origin, { settings: { initialWindowSize: 2 ** 24 } });
    session.once("connect", () => session.setLocalWindowSize(2 ** 24));
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    let status = "";
    stream.on("response", (head) => { status = head["grpc-status"] ?? status; });
    stream.on("trailers", (head) => { status = head["grpc-status"] ?? status; });
    stream.on("error", () => {}).resume().end(body);
    stream.on("close", () => { session.destroy(); parentPort.postMessage("grpc " + status); });
    return;
  }
  const answer = await fetch(origin + path, { method: "POST", headers, body }).catch((error) => error);
  if (answer instanceof Error) return parentPort.postMessage("reset");
  const text = Buffer.from(await answer.arrayBuffer());
  parentPort.postMessage(answer.status + " " + (answer.headers.get("grpc-status") ?? "") + text.length + " " + text.toString("latin1", 0, 300).replace(/[^ -~]/g, "?"));
});`;

/** Sends requests from a thread of its own, so that what it does is not taken for the server's. */
export class SenderThread {
  readonly #worker: Worker;

  /** Of a server on this machine. */
  constructor(port: number) {
    this.#worker = new Worker(source, { eval: true, workerData: port });
  }

  /** Hands a request over, which costs this thread a copy of it. */
  async hold({ path, headers, body }: SentRequest, isGrpc = false): Promise<void> {
    await this.#ask({ path, headers, body, isGrpc });
  }

  /** Sends it. Resolves with the status and how the answer begins, with "grpc" and its status, or with "reset". */
  async sendHeld(): Promise<string> {
    return await this.#ask("go");
  }

  async send(request: SentRequest, isGrpc = false): Promise<string> {
    await this.hold(request, isGrpc);
    return await this.sendHeld();
  }

  #ask(message: unknown): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage(message);
    return answer;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
