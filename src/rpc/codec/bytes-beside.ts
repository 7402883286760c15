import type { Tensor } from "../../base/tensor.ts";
import type { InferInput, TypedContents } from "./infer-message.ts";

/** The size of an element in a plain array, and of a pointer. */
const elementBytes = 8;

/** The bytes of tensors that are not views of `body`. */
export function tensorBytesBeside(tensors: readonly Tensor[], body: Uint8Array): number {
  let bytes = 0;
  for (const { data } of tensors) bytes += beside(data, body);
  return bytes;
}

/** The bytes of the typed contents of `inputs` that are not views of `message`. */
export function contentBytesBeside(inputs: readonly InferInput[], message: Uint8Array): number {
  let bytes = 0;
  for (const { contents } of inputs) {
    if (contents !== undefined) bytes += bytesOfContents(contents, message);
  }
  return bytes;
}

function bytesOfContents(contents: TypedContents, message: Uint8Array): number {
  const { bytesContents, ...numbers } = contents;
  let bytes = 0;
  for (const elements of Object.values<unknown>(numbers)) {
    if (ArrayBuffer.isView(elements)) bytes += beside(elements, message);
    else if (Array.isArray(elements)) bytes += elements.length * elementBytes;
  }
  if (!Array.isArray(bytesContents)) {
    return bytes + ("data" in bytesContents ? beside(bytesContents.data, message) : 0);
  }
  for (const element of bytesContents) bytes += elementBytes + beside(element, message);
  return bytes;
}

function beside(view: ArrayBufferView, message: Uint8Array): number {
  return view.buffer === message.buffer ? 0 : view.byteLength;
}
