/** What is known about the signature of a model. */
export interface SignatureVerdict {
  /** "unsigned": there is no signature. "refused": there is one, but it is not trusted, or is not of these files. */
  readonly state: "verified" | "unsigned" | "refused";
  /** Of a verified model, the key or certificate; otherwise "". One line. */
  readonly signer: string;
  /** Why it is not verified, otherwise "". One line. */
  readonly reason: string;
}

/** Models by the outcome of their checks. */
export type SignatureCounts = Readonly<Record<SignatureVerdict["state"], number>>;
