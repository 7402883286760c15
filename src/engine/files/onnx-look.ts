/** Whether a file begins as exporters write ONNX: the format version, then a field of ModelProto. */
export function looksLikeOnnx(head: Buffer): boolean {
  const [first, version = 0, next = 0] = head;
  return first === 0x08 && version >= 1 && version <= 30 && onnxTags.has(next);
}

/** Tags of producer_name, producer_version, domain, model_version, doc_string, graph, opset_import. */
const onnxTags: ReadonlySet<number> = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42]);
