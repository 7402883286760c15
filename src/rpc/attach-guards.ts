import type { Logger } from "pino";
import type { NetworkLimits } from "../config/network-limits.ts";
import { clientStreamsOf, type MountedService } from "./connect/mounted-service.ts";
import { headersRefusal } from "./failures/refuse-call.ts";
import type { GrpcUnary } from "./grpc/unary.ts";
import { CallMemory } from "./guard/call-memory.ts";
import { GiveBack } from "./guard/give-back.ts";
import type { RequestMessages } from "./guard/request-counter.ts";
import { RequestLimits } from "./guard/request-limits.ts";
import { StreamLimits } from "./guard/stream-limits.ts";
import type { Endpoint } from "./port/endpoint.ts";

export interface Guards {
  /** Call it when every connection is closed. */
  close(): void;
}

/** Counts what requests hold in memory from their first byte on, over HTTP/1.1 and HTTP/2, and refuses what is too
 *  much. HTTP/2 streams go to the fast path first, if there is one. */
export function attachGuards(
  port: Endpoint,
  parts: {
    readonly limits: NetworkLimits & { readonly readMaxBytes: number };
    readonly services: readonly MountedService[];
    readonly messages: RequestMessages;
    readonly fastPath: GrpcUnary | undefined;
    /** As `ServerOptions.trimMemory`. */
    readonly trim: (() => void) | undefined;
    readonly log: Logger;
  },
): Guards {
  const { limits, services, messages, fastPath, trim, log } = parts;
  const memory = new CallMemory(limits);
  const clientStreams = new Set(services.flatMap(clientStreamsOf));
  const streamLimits = new StreamLimits({ ...limits, memory, clientStreams, messages, log });
  const requestLimits = new RequestLimits({ ...limits, memory, messages, log });
  const giveBack = new GiveBack({ calls: memory, letGo: () => fastPath?.letGo(), trim });
  port.interceptRequests((request, response) => requestLimits.track(request, response));
  port.interceptStreams(
    (stream, headers) => {
      const watched = streamLimits.track(stream, headers);
      if (fastPath?.take(stream, headers, watched)) return true;
      watched?.listen();
      return false;
    },
    headersRefusal(limits.maxHeaderListBytes, log),
  );
  return {
    close() {
      streamLimits.close();
      requestLimits.close();
      giveBack.close();
    },
  };
}
