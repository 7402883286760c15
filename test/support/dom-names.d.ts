// The declarations of onnxruntime-common name these browser types. Nothing here makes or takes one, and
// `lib: dom` would let every browser name pass as if Node had it.
interface HTMLImageElement {
  readonly src: string;
}
interface ImageBitmap {
  close(): void;
}
interface ImageData {
  readonly data: Uint8ClampedArray;
}
interface WebGLRenderingContext {
  readonly drawingBufferHeight: number;
}
interface WebGLTexture {
  readonly textureBrand: never;
}
