// The floor: node:http2 alone. It reads each request to its end and answers with constant bytes, framed and
// with trailers as gRPC requires. Arguments: the file with the response, and optionally the HTTP/2 settings
// of the server that it is compared with, as JSON; then it also gets that server's V8 flags.
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { setCollectorFlags } from "../../src/start/collector-flags.ts";
import type { PeerSettings } from "../load/grpc-connection.ts";
import { announce } from "./announce.ts";

const [answerFile = "", settingsJson] = process.argv.slice(2);
const answer = readFileSync(answerFile);
const peer = settingsJson === undefined ? undefined : (JSON.parse(settingsJson) as PeerSettings);

if (peer !== undefined) setCollectorFlags();

const server = http2.createServer(
  peer === undefined ? {} : { settings: peer.settings, maxSessionMemory: 256 },
);
if (peer !== undefined) {
  server.on("session", (session) => session.setLocalWindowSize(peer.connectionWindowBytes));
}
server.on("stream", (stream) => {
  stream.resume();
  // A client that stops in the middle of a run resets its streams.
  stream.on("error", () => {});
  stream.on("end", () => {
    if (stream.closed) return;
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
