/** A vector as JSON: its numbers, which are exact, or as OpenAI's clients ask for it, its bytes in base64. */
export function vectorJson(vector: Float32Array, format: "float" | "base64"): string {
  // A typed array would become an object, and a plain one is written faster than by joining.
  if (format === "float") return JSON.stringify(Array.from(vector));
  const { buffer, byteOffset, byteLength } = vector;
  return `"${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}"`;
}
