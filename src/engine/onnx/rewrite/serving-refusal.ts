import { RuntimeError } from "../../../base/errors.ts";

/** For a file that was read to its end and cannot be served here. The engine reports what is wrong with
 *  others. */
export class ServingRefusal extends RuntimeError {}
