import { parentPort, workerData } from "node:worker_threads";
import type { PayloadSink } from "../../../config/payload-log/payload-log-settings.ts";
import type { PayloadReport, PayloadThreadData, ToPayloadThread } from "../thread-messages.ts";
import { Deliveries } from "./deliveries.ts";
import type { Sink } from "./delivery.ts";
import { FileSink } from "./file-sink.ts";
import { HttpSink } from "./http-sink.ts";

// Entry point of the payload log's thread.

if (parentPort === null) throw new Error("this is the entry of a worker thread");
const server = parentPort;
const { settings } = workerData as PayloadThreadData;

const deliveries = new Deliveries(settings, sinkOf(settings.sink), (report: PayloadReport) =>
  server.postMessage(report),
);
server.on("message", (message: ToPayloadThread) => {
  if ("records" in message) deliveries.add(message.records);
  else void deliveries.close(message.closeMs).then(() => server.close());
});

function sinkOf(sink: PayloadSink): Sink {
  return sink.kind === "http" ? new HttpSink(sink) : new FileSink(sink);
}
