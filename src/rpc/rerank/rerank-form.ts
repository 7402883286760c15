import type { ErrorForm } from "../failures/error-form.ts";
import { teiErrorType } from "../text/tei-error-type.ts";

/** Cohere's clients read `message`, Jina's `detail`. */
export const rerankForm: ErrorForm = ({ message }) => ({ message, detail: message });

/** Of /rerank, which TEI has too: its clients read `error`. */
export const sharedRerankForm: ErrorForm = (failure) => ({
  ...rerankForm(failure),
  error: failure.message,
  error_type: teiErrorType(failure.code),
});
