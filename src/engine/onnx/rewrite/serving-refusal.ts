import { RuntimeError } from "../../../base/errors.ts";

/** Of a file that was read to its end and cannot be served here. What is wrong with others, the engine says. */
export class ServingRefusal extends RuntimeError {}
