import { randomUUID } from "node:crypto";
import type { ErrorForm } from "../failures/error-form.ts";

/** Errors as Caikit's HTTP server words them: its clients read `details`. */
export const caikitForm: ErrorForm = ({ status, message, requestId }) => ({
  details: message,
  code: status,
  id: requestId ?? randomUUID(),
});
