import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { waitFor } from "../wait-for.ts";

export interface CollectedSpan {
  readonly name: string;
  /** Hexadecimal, as in a traceparent header. */
  readonly traceId: string;
  readonly spanId: string;
  /** "" at the root of a trace. */
  readonly parentId: string;
  readonly traceState: string;
  readonly kind: "internal" | "server" | "other";
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  /** Of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector for traces over OTLP, as exporters see it: HTTP with protobuf. */
export interface OtlpCollector {
  readonly port: number;
  readonly spans: CollectedSpan[];
  /** What it answers with. */
  status: number;
  /** Exports that it has answered. */
  readonly exports: () => number;
  /** The first span of this name, once it is there. */
  find(name: string): Promise<CollectedSpan>;
  close(): Promise<void>;
}

interface WireSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly WireAttribute[];
  readonly status: { readonly code: number } | null;
}

interface WireAttribute {
  readonly key: string;
  readonly value: { readonly value: string } & Readonly<Record<string, unknown>>;
}

interface WireRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly WireAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

const definitions = loadSync(join(import.meta.dirname, "trace.proto"), {
  longs: String,
  defaults: true,
  oneofs: true,
});
const { Export: exportMethod } = definitions["otlp.Collector"] as ServiceDefinition;

export async function startCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  let exports = 0;
  const server = http.createServer(async (request, response) => {
    const body = await buffer(request);
    const isExport =
      request.method === "POST" &&
      request.url === "/v1/traces" &&
      request.headers["content-type"] === "application/x-protobuf";
    const status = isExport ? collector.status : 404;
    if (status === 200) spans.push(...read(body));
    exports++;
    response.writeHead(status, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const collector: OtlpCollector = {
    port: (server.address() as AddressInfo).port,
    spans,
    status: 200,
    exports: () => exports,
    async find(name) {
      await waitFor(() => spans.some((span) => span.name === name));
      return spans.find((span) => span.name === name) as CollectedSpan;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return collector;
}

function read(body: Buffer): CollectedSpan[] {
  const request = exportMethod?.requestDeserialize(body) as unknown as WireRequest;
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: span.traceId.toString("hex"),
        spanId: span.spanId.toString("hex"),
        parentId: span.parentSpanId.toString("hex"),
        traceState: span.traceState,
        kind: kindOf(span.kind),
        startMs: milliseconds(span.startTimeUnixNano),
        endMs: milliseconds(span.endTimeUnixNano),
        attributes: readAttributes(span.attributes),
        isError: span.status?.code === 2,
        resource: readAttributes(resource.attributes),
      })),
    ),
  );
}

function kindOf(kind: number): CollectedSpan["kind"] {
  if (kind === 1) return "internal";
  return kind === 2 ? "server" : "other";
}

function readAttributes(attributes: readonly WireAttribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const held = value[value.value];
      return [key, value.value === "intValue" ? Number(held) : held];
    }),
  );
}

function milliseconds(nanoseconds: string): number {
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}
