import { once } from "node:events";
import net from "node:net";
import { gzipSync } from "node:zlib";
import { mutateBytes, type Random } from "../support/attacks/mutate.ts";
import { postGrpc, untilClosed } from "../support/clients/raw-http.ts";
import { type Attacker, type AttackKind, type Fates, inTime } from "./attacker.ts";
import { type HostileRequest, hostileHttp } from "./hostile-request.ts";
import { swollenRequest } from "./swollen-request.ts";

const requestsPerBurst = 16;
const statusLine = /HTTP\/1\.1 \d{3} /g;

/** Requests that are sound as HTTP/1.1 and wrong as what they carry, several on their way at once. */
export const http1Requests: AttackKind = {
  name: "wrong calls over HTTP/1.1",
  share: 25,
  open: (port) => new Http1Attacker(port, (random) => random.pick(hostileHttp)(random)),
};

/** The same of requests that are small for what becomes of them; some take megabytes on the way, too. */
export const http1Swollen: AttackKind = {
  name: "swollen calls over HTTP/1.1",
  share: 0.5,
  open: (port) =>
    new Http1Attacker(port, (random) =>
      swollenRequest(random, random.below(100) === 0 ? 4_000_000 : 60_000),
    ),
};

/** Connections that begin badly, or end in the middle; each is a request. */
export const badConnections: AttackKind = {
  name: "bad connections",
  share: 4,
  open: (port) => ({
    async attack(random) {
      const socket = await connect(port);
      socket.write(badStart(random));
      const closed = untilClosed(socket);
      // Some wait for what the server makes of it, which closes what it cannot read; others are gone.
      if (random.below(4) > 0) socket.resetAndDestroy();
      else socket.end();
      socket.resume();
      const isInTime = await inTime(closed);
      socket.destroy();
      return { ended: 0, cut: isInTime ? 1 : 0, hanging: isInTime ? 0 : 1 };
    },
    close() {},
  }),
};

const bomb = gzipSync(Buffer.alloc(128 * 1024 * 1024));

/** Small messages that would be large. */
export const gzipBombs: AttackKind = {
  name: "gzip bombs",
  share: 0.01,
  open: (port) => ({
    async attack() {
      const head = Buffer.alloc(5);
      head.writeUInt8(1, 0);
      head.writeUInt32BE(bomb.length, 1);
      const call = postGrpc(port, "/inference.GRPCInferenceService/ModelInfer", {
        body: Buffer.concat([head, bomb]),
        headers: { "grpc-encoding": "gzip" },
      });
      const isInTime = await inTime(call.catch(() => {}));
      return { ended: isInTime ? 1 : 0, cut: 0, hanging: isInTime ? 0 : 1 };
    },
    close() {},
  }),
};

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

const starts: readonly [string, ...string[]] = [
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "PRI * HT",
  "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",
  "POST /v2/models/two/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{",
  "POST /v2/models/two/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
  "GET /v2 HTTP/1.1\r\nHost: a b^<\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
  "GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  `GET /v2 HTTP/1.1\r\nHost: x\r\n${"x: y\r\n".repeat(3_000)}\r\n`,
  "POST /v2/models/two/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /v2/models/two/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{}GET / HTTP/1.1\r\n",
  "POST /v2/models/two/infer HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 60000000\r\n\r\n",
];

function badStart(random: Random): Buffer {
  const start = Buffer.from(random.pick(starts), "latin1");
  return random.below(2) === 0 ? start : mutateBytes(start, random);
}

class Http1Attacker implements Attacker {
  readonly #port: number;
  readonly #make: (random: Random) => HostileRequest;
  #socket: net.Socket | undefined;
  #isOpen = false;
  #answers = 0;
  #tail = "";
  #onAnswers: () => void = () => {};

  constructor(port: number, make: (random: Random) => HostileRequest) {
    this.#port = port;
    this.#make = make;
  }

  async attack(random: Random): Promise<Fates> {
    const socket = await this.#connection();
    this.#answers = 0;
    const done = new Promise<void>((resolve) => {
      this.#onAnswers = () => {
        if (this.#answers >= requestsPerBurst || !this.#isOpen) resolve();
      };
    });
    const requests = Array.from({ length: requestsPerBurst }, () =>
      requestBytes(this.#make(random)),
    );
    socket.write(Buffer.concat(requests));
    this.#onAnswers();
    const isInTime = await inTime(done);
    const ended = Math.min(requestsPerBurst, this.#answers);
    const rest = requestsPerBurst - ended;
    if (!isInTime) this.close();
    return { ended, cut: isInTime ? rest : 0, hanging: isInTime ? 0 : rest };
  }

  close(): void {
    this.#socket?.destroy();
    this.#isOpen = false;
  }

  async #connection(): Promise<net.Socket> {
    if (this.#socket !== undefined && this.#isOpen) return this.#socket;
    const socket = await connect(this.#port);
    this.#socket = socket;
    this.#isOpen = !socket.destroyed;
    this.#tail = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      const seen = this.#tail + text;
      const found = [...seen.matchAll(statusLine)];
      this.#answers += found.length;
      const last = found.at(-1);
      this.#tail = seen.slice(Math.max(last ? last.index + last[0].length : 0, seen.length - 12));
      this.#onAnswers();
    });
    socket.once("close", () => {
      this.#isOpen = false;
      this.#onAnswers();
    });
    return socket;
  }
}

function requestBytes({ path, headers, body }: HostileRequest): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: x",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}
