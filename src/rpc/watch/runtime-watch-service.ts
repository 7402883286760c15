import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  CallerSchema,
  type Caller as ClientMessage,
  type RuntimeWatchService,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { type Access, type Client, clientIn } from "../guard/access.ts";
import type { SharedUpdates } from "./shared-updates.ts";
import type { WatchUpdates } from "./updates.ts";

export interface RuntimeWatchParts {
  readonly updates: WatchUpdates;
  readonly shared: SharedUpdates;
  readonly access: Access;
}

/** modelport.v1.RuntimeWatchService. */
export function runtimeWatchService({
  updates,
  shared,
  access,
}: RuntimeWatchParts): ServiceImpl<typeof RuntimeWatchService> {
  const clientMessage = (context: HandlerContext) => describeClient(access, clientIn(context));
  return {
    getSnapshot: (_request, context) => ({
      snapshot: shared.snapshot(updates.now()),
      caller: clientMessage(context),
    }),

    async *watch({ minIntervalMs }, context) {
      const caller = clientMessage(context);
      const isJson = context.requestHeader.get("content-type")?.includes("json") ?? false;
      const watcher = { intervalMs: minIntervalMs, signal: context.signal };
      for await (const { update, isSnapshot } of updates.of(watcher)) {
        const response = { update, caller: isSnapshot ? caller : undefined };
        yield isJson ? shared.response(response) : shared.encodedResponse(response);
      }
    },
  };
}

/** What the client of this call may do. */
export function describeClient(access: Access, caller: Client): ClientMessage {
  return create(CallerSchema, {
    mayChangeModels: access.may("lifecycle", caller),
    takesTokens: access.takesTokensFor("lifecycle"),
  });
}
