/** Opcodes of a pickle, by hand: what no library would write. */
export const write = {
  proto: (version = 4) => [0x80, version],
  stop: () => [0x2e],
  mark: () => [0x28],
  text: (text: string) => {
    const bytes = Buffer.from(text);
    return [0x58, ...uint32(bytes.length), ...bytes];
  },
  bytes: (bytes: ArrayLike<number>) => [0x42, ...uint32(bytes.length), ...Array.from(bytes)],
  int: (value: number) => [0x4a, ...uint32(value)],
  /** GLOBAL, in its old form. */
  global: (module: string, name: string) => [0x63, ...Buffer.from(`${module}\n${name}\n`)],
  emptyTuple: () => [0x29],
  tuple: (...items: number[][]) => [0x28, ...items.flat(), 0x74],
  emptyList: () => [0x5d],
  emptyDict: () => [0x7d],
  append: () => [0x61],
  none: () => [0x4e],
  true: () => [0x88],
  false: () => [0x89],
  memoize: () => [0x94],
  get: (at: number) => [0x68, at],
  setItem: () => [0x73],
  reduce: () => [0x52],
  newObject: () => [0x81],
  build: () => [0x62],
};

/** A pickle of protocol 4 with these opcodes. */
export function pickleOf(...opcodes: readonly number[][]): Uint8Array {
  return Uint8Array.from([...write.proto(), ...opcodes.flat(), ...write.stop()]);
}

function uint32(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}
