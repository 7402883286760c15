import { RuntimeError } from "../../base/errors.ts";

/** A field of a request is not what it must be. */
export class FieldError extends RuntimeError {
  /** Its path in the request, such as "inputs[3]". */
  readonly field: string;

  constructor(field: string, message: string) {
    super("invalid-argument", message);
    this.field = field;
  }
}
