import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../gen/grpc/health/v1/health_pb.ts";

/** Whether calls can be served, with notification of every change. */
export interface Readiness {
  serving(): boolean;
  /** Calls `listener` after each change of `serving`, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** grpc.health.v1.Health for the whole runtime and for each of `services`, by their full names. When `closing`
 *  aborts, everything is NOT_SERVING, and watches end. */
export function healthService(
  readiness: Readiness,
  services: readonly string[],
  closing: AbortSignal,
): ServiceImpl<typeof Health> {
  const known = new Set(["", ...services]);
  const statusOf = (service: string): Status => {
    if (!known.has(service)) return Status.SERVICE_UNKNOWN;
    return readiness.serving() && !closing.aborted ? Status.SERVING : Status.NOT_SERVING;
  };
  return {
    check({ service }) {
      const status = statusOf(service);
      if (status !== Status.SERVICE_UNKNOWN) return { status };
      throw new ConnectError(`this port has no service "${service}"`, Code.NotFound);
    },

    async *watch({ service }, { signal }) {
      // Created before each read of the status, so that no change is missed between the read and the wait.
      // Changes that follow faster than the client reads are merged into the latest one.
      let change = Promise.withResolvers<void>();
      const wake = () => change.resolve();
      const unsubscribe = readiness.onChange(wake);
      closing.addEventListener("abort", wake);
      signal.addEventListener("abort", wake);
      try {
        let sent: Status | undefined;
        while (!signal.aborted) {
          change = Promise.withResolvers<void>();
          const status = statusOf(service);
          if (status !== sent) yield { status };
          sent = status;
          if (closing.aborted) return;
          if (!signal.aborted) await change.promise;
        }
        throw signal.reason;
      } finally {
        unsubscribe();
        closing.removeEventListener("abort", wake);
        signal.removeEventListener("abort", wake);
      }
    },
  };
}
