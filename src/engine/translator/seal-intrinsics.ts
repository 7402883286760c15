const shared: readonly object[] = [
  Object,
  Array,
  Map,
  Set,
  String,
  Number,
  BigInt,
  Boolean,
  RegExp,
  Promise,
  Error,
  DataView,
  Uint8Array,
  Object.getPrototypeOf(Uint8Array) as object,
];

/** From now on, no file that is read can add to what objects of all kinds inherit: a key such as `__proto__` in one file
 *  must not change what the next file's translation does. */
export function sealIntrinsics(): void {
  for (const each of shared) {
    const { prototype } = each as { readonly prototype: object };
    for (const target of [each, prototype]) Object.seal(target);
  }
  Object.preventExtensions(globalThis);
}
