import { unpackElements } from "../../../base/bytes-elements.ts";

/** Something that a model for token classification has found. */
export interface ReportedEntity {
  /** In code points of the text as it was sent. */
  readonly start: number;
  readonly end: number;
  /** This part of the text. */
  readonly word: string;
  /** The name of its class. */
  readonly entity: string;
  /** Of that class, from 0 to 1. */
  readonly score: number;
}

/** What a host says about one row besides its numbers. */
export interface RowReport {
  /** Tokens as the model read them, special ones and those of a prompt included. */
  readonly tokens: number;
  /** Before it was cut; absent if it was not. */
  readonly totalTokens?: number;
  readonly ids?: readonly number[];
  /** The tokens as the vocabulary has them. */
  readonly pieces?: readonly string[];
  /** Where the tokens are in the text as it was sent, in code points; [0, 0] for special ones. */
  readonly offsets?: readonly (readonly [start: number, end: number])[];
  /** Positions of the special tokens. */
  readonly special?: readonly number[];
  readonly entities?: readonly ReportedEntity[];
  readonly fault?: undefined;
}

/** A row that the model could not take. Its numbers are zeros, and the other rows of its run are not affected. */
export interface RowFault {
  readonly fault: {
    /** "too-long": `tokens` are more than `limit`. "bad-id": the token `id` is not below `limit`, the size of the
     *  vocabulary, or is negative. "empty": there is nothing to read. "malformed": the row is not a packed item.
     *  "not-finite": the model answers with numbers that are not finite. */
    readonly kind: "too-long" | "bad-id" | "empty" | "malformed" | "not-finite";
    readonly tokens: number;
    readonly limit: number;
    readonly id?: number;
  };
}

export type TextReport = RowReport | RowFault;

/** One element of a host's report. */
export function packReport(report: TextReport): Uint8Array {
  return Buffer.from(JSON.stringify(report));
}

/** The rows of a report, from the data of its BYTES tensor. Throws if the host did not make it. */
export function readReports(data: Uint8Array): TextReport[] {
  return unpackElements(data).map((element) => {
    const { buffer, byteOffset, byteLength } = element;
    return JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString()) as TextReport;
  });
}
