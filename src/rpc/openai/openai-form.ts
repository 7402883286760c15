import { Code } from "@connectrpc/connect";
import { RuntimeError } from "../../base/errors.ts";
import type { ErrorForm } from "../failures/error-form.ts";
import { FieldError } from "../failures/field-error.ts";

/** OpenAI's own words for what went wrong, by our codes. */
const kinds: Readonly<Partial<Record<Code, readonly [type: string, code: string | null]>>> = {
  [Code.Unauthenticated]: ["authentication_error", "invalid_api_key"],
  [Code.PermissionDenied]: ["permission_error", "permission_denied"],
  [Code.ResourceExhausted]: ["rate_limit_error", "rate_limit_exceeded"],
  [Code.DeadlineExceeded]: ["server_error", "timeout"],
  [Code.Unavailable]: ["server_error", "service_unavailable"],
};

/** {"error": {"message", "type", "param", "code"}}, which OpenAI's clients make their exceptions of. */
export const openAiForm: ErrorForm = ({ status, code, message, reason }) => {
  const [type, ownCode] = wordsFor(status, code, reason);
  const param = reason instanceof FieldError ? reason.field : null;
  return { error: { message, type, param, code: ownCode } };
};

function wordsFor(
  status: number,
  code: Code,
  reason: unknown,
): readonly [type: string, code: string | null] {
  if (reason instanceof RuntimeError && reason.kind === "model-not-found") {
    return ["invalid_request_error", "model_not_found"];
  }
  // A body that is too large has nothing to do with how many calls there are.
  if (status === 413) return ["invalid_request_error", "request_too_large"];
  return kinds[code] ?? (status < 500 ? ["invalid_request_error", null] : ["server_error", null]);
}
