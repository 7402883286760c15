import { Code, ConnectError } from "@connectrpc/connect";

/** Throws "invalid_argument" unless a message's first byte is 0, or 1 for compressed. */
export function refuseFlags(flags: number): void {
  if (flags <= 1) return;
  throw new ConnectError(
    `protocol error: a message starts with the flags ${flags}, expected 0, or 1 if it is compressed`,
    Code.InvalidArgument,
  );
}
