import type { IncomingMessage } from "node:http";
import { RuntimeError } from "../../base/errors.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { adviceOn, refuseLoadParameters } from "../services/load-parameters.ts";
import { readBody } from "./body.ts";
import { parseJson } from "./json.ts";

/** Only files need more, and they are refused anyway. */
const maxBodyBytes = 1024 * 1024;

/** As `refuseLoadParameters`, for the body of a REST request. It may be empty. */
export async function refuseParametersInBody(
  request: IncomingMessage,
  { model, maxBytes }: { readonly model: string; readonly maxBytes: number },
): Promise<void> {
  const body = await readBody(request, Math.min(maxBytes, maxBodyBytes)).catch((error: unknown) => {
    if (!(error instanceof HttpRefusal) || error.statusCode !== 413) throw error;
    throw new RuntimeError(
      "invalid-argument",
      `the load of model '${model}' has a body of more than ${maxBodyBytes} bytes, expected no parameters: ${adviceOn("file:")}`,
    );
  });
  if (body.length === 0) return;
  const sent = parseJson(body, "the request");
  const parameters = isObject(sent) ? (sent["parameters"] ?? {}) : undefined;
  if (!isObject(parameters)) {
    throw new RuntimeError("invalid-argument", "the request must be empty or a JSON object");
  }
  refuseLoadParameters(Object.keys(parameters), model);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
