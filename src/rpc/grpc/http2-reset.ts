import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { resetPrefix } from "../failures/log-failure.ts";

// gRPC's mapping. The errors are created once: otherwise a client that cancels often would make us collect many
// stacks that are never read.
const reasons = new Map<number, ConnectError>();
for (const [name, code] of [
  ["PROTOCOL_ERROR", Code.Internal],
  ["INTERNAL_ERROR", Code.Internal],
  ["FLOW_CONTROL_ERROR", Code.Internal],
  ["SETTINGS_TIMEOUT", Code.Internal],
  ["FRAME_SIZE_ERROR", Code.Internal],
  ["REFUSED_STREAM", Code.Unavailable],
  ["CANCEL", Code.Canceled],
  ["COMPRESSION_ERROR", Code.Internal],
  ["CONNECT_ERROR", Code.Internal],
  ["ENHANCE_YOUR_CALM", Code.ResourceExhausted],
  ["INADEQUATE_SECURITY", Code.PermissionDenied],
  ["HTTP_1_1_REQUIRED", Code.PermissionDenied],
] as const) {
  const number = constants[`NGHTTP2_${name}`];
  const message = `${resetPrefix}${name} (0x${number.toString(16)})`;
  reasons.set(number, new ConnectError(message, code));
}
const gone = new ConnectError("the client went away", Code.Canceled);

/** Why a call ends whose stream was closed, with this code, before the response. */
export function resetReason(code: number | undefined): ConnectError {
  return reasons.get(code ?? constants.NGHTTP2_NO_ERROR) ?? gone;
}
