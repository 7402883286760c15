import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type Caller,
  type Delta,
  DeltaSchema,
  type Snapshot,
  SnapshotSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { FeedUpdate } from "../../service/contract/runtime-feed.ts";
import { toDelta, toSnapshot } from "./messages.ts";

interface ResponseParts {
  readonly update: FeedUpdate;
  /** Marks the message as a snapshot. */
  readonly caller: Caller | undefined;
}

/** Converts updates to messages, once for all watchers that receive the same one. */
export class SharedUpdates {
  readonly #snapshots = new WeakMap<FeedUpdate, Snapshot>();
  readonly #deltas = new WeakMap<FeedUpdate, Delta>();
  /** Messages as the value of a length-delimited field. */
  readonly #encoded = new WeakMap<Snapshot | Delta, Uint8Array>();

  snapshot(update: FeedUpdate): Snapshot {
    return remember(this.#snapshots, update, toSnapshot);
  }

  /** For JSON: the message itself. */
  response(parts: ResponseParts): WatchResponse {
    const { update, caller } = parts;
    const revision = BigInt(update.revision);
    return caller === undefined
      ? create(WatchResponseSchema, {
          revision,
          update: { case: "delta", value: this.#delta(update) },
        })
      : create(WatchResponseSchema, {
          revision,
          update: { case: "snapshot", value: this.snapshot(update) },
          caller,
        });
  }

  /** For protobuf: the message with the update already encoded. Unknown fields are written unchanged, so
   *  Connect puts these bytes into every stream without encoding them again. */
  encodedResponse({ update, caller }: ResponseParts): WatchResponse {
    const [field, data] =
      caller === undefined
        ? [WatchResponseSchema.field.delta, this.#encodedDelta(update)]
        : [WatchResponseSchema.field.snapshot, this.#encodedSnapshot(update)];
    const response = create(WatchResponseSchema, {
      revision: BigInt(update.revision),
      ...(caller && { caller }),
    });
    response.$unknown = [{ no: field.number, wireType: WireType.LengthDelimited, data }];
    return response;
  }

  #delta(update: FeedUpdate): Delta {
    return remember(this.#deltas, update, toDelta);
  }

  #encodedDelta(update: FeedUpdate): Uint8Array {
    return remember(this.#encoded, this.#delta(update), (delta: Delta) =>
      lengthDelimited(toBinary(DeltaSchema, delta)),
    );
  }

  #encodedSnapshot(update: FeedUpdate): Uint8Array {
    return remember(this.#encoded, this.snapshot(update), (snapshot: Snapshot) =>
      lengthDelimited(toBinary(SnapshotSchema, snapshot)),
    );
  }
}

function lengthDelimited(bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().bytes(bytes).finish();
}

function remember<Key extends object, Value>(
  known: WeakMap<Key, Value>,
  key: Key,
  make: (key: Key) => Value,
): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make(key);
  known.set(key, value);
  return value;
}
