import { RuntimeError } from "../../base/errors.ts";
import { parseJson } from "./json.ts";

/** Whether an index request asks for ready models only. Its body may be empty, as Python's tritonclient sends
 *  it. Throws "invalid-argument". */
export function wantsReadyOnly(body: Uint8Array): boolean {
  if (body.length === 0) return false;
  const request = parseJson(body, "the request");
  if (typeof request === "object" && request !== null && !Array.isArray(request)) {
    const ready = "ready" in request ? request.ready : false;
    if (typeof ready === "boolean") return ready;
    if (ready === null) return false;
  }
  throw new RuntimeError(
    "invalid-argument",
    'the request must be empty or a JSON object like {"ready": true}',
  );
}
