// BLAKE3 in its plain mode, with digests of 32 bytes: https://github.com/BLAKE3-team/BLAKE3-specs. Node's OpenSSL does
// not have it.

const chunkBytes = 1024;
const blockBytes = 64;
const blockWords = 16;

const chunkStart = 1;
const chunkEnd = 2;
const parentNode = 4;
const rootNode = 8;

const initial = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** Which word of the block each step of each of the seven rounds takes. */
const schedule = scheduleOf([2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]);

function scheduleOf(permutation: readonly number[]): Uint8Array {
  const rounds: number[] = [];
  let order = permutation.map((_, at) => at);
  for (let round = 0; round < 7; round++) {
    rounds.push(...order);
    order = permutation.map((from) => order[from] as number);
  }
  return Uint8Array.from(rounds);
}

interface Block {
  readonly words: Int32Array;
  /** Where it starts in `words`. */
  readonly from: number;
  readonly lengthBytes: number;
  readonly flags: number;
  /** Of the chunk; 0 for parents. */
  readonly counter: number;
}

/** Compresses one block into `value`, a chaining value of eight words. */
function compress(value: Int32Array, { words: m, from, lengthBytes, flags, counter }: Block): void {
  let v0 = value[0] as number;
  let v1 = value[1] as number;
  let v2 = value[2] as number;
  let v3 = value[3] as number;
  let v4 = value[4] as number;
  let v5 = value[5] as number;
  let v6 = value[6] as number;
  let v7 = value[7] as number;
  let v8 = 0x6a09e667;
  let v9 = 0xbb67ae85 | 0;
  let v10 = 0x3c6ef372;
  let v11 = 0xa54ff53a | 0;
  let v12 = counter | 0;
  let v13 = Math.floor(counter / 2 ** 32) | 0;
  let v14 = lengthBytes;
  let v15 = flags;
  for (let at = 0; at < 7 * blockWords; at += blockWords) {
    // Columns.
    v0 = (v0 + v4 + (m[from + (schedule[at] as number)] as number)) | 0;
    v12 = turn(v12 ^ v0, 16);
    v8 = (v8 + v12) | 0;
    v4 = turn(v4 ^ v8, 12);
    v0 = (v0 + v4 + (m[from + (schedule[at + 1] as number)] as number)) | 0;
    v12 = turn(v12 ^ v0, 8);
    v8 = (v8 + v12) | 0;
    v4 = turn(v4 ^ v8, 7);
    v1 = (v1 + v5 + (m[from + (schedule[at + 2] as number)] as number)) | 0;
    v13 = turn(v13 ^ v1, 16);
    v9 = (v9 + v13) | 0;
    v5 = turn(v5 ^ v9, 12);
    v1 = (v1 + v5 + (m[from + (schedule[at + 3] as number)] as number)) | 0;
    v13 = turn(v13 ^ v1, 8);
    v9 = (v9 + v13) | 0;
    v5 = turn(v5 ^ v9, 7);
    v2 = (v2 + v6 + (m[from + (schedule[at + 4] as number)] as number)) | 0;
    v14 = turn(v14 ^ v2, 16);
    v10 = (v10 + v14) | 0;
    v6 = turn(v6 ^ v10, 12);
    v2 = (v2 + v6 + (m[from + (schedule[at + 5] as number)] as number)) | 0;
    v14 = turn(v14 ^ v2, 8);
    v10 = (v10 + v14) | 0;
    v6 = turn(v6 ^ v10, 7);
    v3 = (v3 + v7 + (m[from + (schedule[at + 6] as number)] as number)) | 0;
    v15 = turn(v15 ^ v3, 16);
    v11 = (v11 + v15) | 0;
    v7 = turn(v7 ^ v11, 12);
    v3 = (v3 + v7 + (m[from + (schedule[at + 7] as number)] as number)) | 0;
    v15 = turn(v15 ^ v3, 8);
    v11 = (v11 + v15) | 0;
    v7 = turn(v7 ^ v11, 7);
    // Diagonals.
    v0 = (v0 + v5 + (m[from + (schedule[at + 8] as number)] as number)) | 0;
    v15 = turn(v15 ^ v0, 16);
    v10 = (v10 + v15) | 0;
    v5 = turn(v5 ^ v10, 12);
    v0 = (v0 + v5 + (m[from + (schedule[at + 9] as number)] as number)) | 0;
    v15 = turn(v15 ^ v0, 8);
    v10 = (v10 + v15) | 0;
    v5 = turn(v5 ^ v10, 7);
    v1 = (v1 + v6 + (m[from + (schedule[at + 10] as number)] as number)) | 0;
    v12 = turn(v12 ^ v1, 16);
    v11 = (v11 + v12) | 0;
    v6 = turn(v6 ^ v11, 12);
    v1 = (v1 + v6 + (m[from + (schedule[at + 11] as number)] as number)) | 0;
    v12 = turn(v12 ^ v1, 8);
    v11 = (v11 + v12) | 0;
    v6 = turn(v6 ^ v11, 7);
    v2 = (v2 + v7 + (m[from + (schedule[at + 12] as number)] as number)) | 0;
    v13 = turn(v13 ^ v2, 16);
    v8 = (v8 + v13) | 0;
    v7 = turn(v7 ^ v8, 12);
    v2 = (v2 + v7 + (m[from + (schedule[at + 13] as number)] as number)) | 0;
    v13 = turn(v13 ^ v2, 8);
    v8 = (v8 + v13) | 0;
    v7 = turn(v7 ^ v8, 7);
    v3 = (v3 + v4 + (m[from + (schedule[at + 14] as number)] as number)) | 0;
    v14 = turn(v14 ^ v3, 16);
    v9 = (v9 + v14) | 0;
    v4 = turn(v4 ^ v9, 12);
    v3 = (v3 + v4 + (m[from + (schedule[at + 15] as number)] as number)) | 0;
    v14 = turn(v14 ^ v3, 8);
    v9 = (v9 + v14) | 0;
    v4 = turn(v4 ^ v9, 7);
  }
  value[0] = v0 ^ v8;
  value[1] = v1 ^ v9;
  value[2] = v2 ^ v10;
  value[3] = v3 ^ v11;
  value[4] = v4 ^ v12;
  value[5] = v5 ^ v13;
  value[6] = v6 ^ v14;
  value[7] = v7 ^ v15;
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** Takes bytes in order, any number of times, then gives their digest once. */
export class Blake3 {
  readonly #words = new Int32Array(chunkBytes / 4);
  /** The bytes of the current chunk. It is closed only when more follow, since the last one may be the root. */
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #filled = 0;
  #closedChunks = 0;
  /** Values of the whole subtrees on the left of the current chunk, the largest first. */
  readonly #subtrees: Int32Array[] = [];

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === chunkBytes) this.#closeChunk();
      const taken = Math.min(chunkBytes - this.#filled, bytes.length - at);
      this.#bytes.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
    }
  }

  /** 32 bytes. */
  digest(): Buffer {
    let value = this.#chunkValue(this.#subtrees.length === 0 ? rootNode : 0);
    for (let at = this.#subtrees.length - 1; at >= 0; at--) {
      value = parentOf(this.#subtrees[at] as Int32Array, value, at === 0 ? rootNode : 0);
    }
    const digest = Buffer.alloc(32);
    for (let at = 0; at < 8; at++) digest.writeInt32LE(value[at] as number, 4 * at);
    return digest;
  }

  #closeChunk(): void {
    let value = this.#chunkValue(0);
    this.#closedChunks++;
    for (let count = this.#closedChunks; count % 2 === 0; count /= 2) {
      value = parentOf(this.#subtrees.pop() as Int32Array, value, 0);
    }
    this.#subtrees.push(value);
    this.#filled = 0;
  }

  #chunkValue(rootFlag: number): Int32Array {
    const value = initial.slice();
    const blocks = Math.max(1, Math.ceil(this.#filled / blockBytes));
    this.#bytes.fill(0, this.#filled, blocks * blockBytes);
    for (let block = 0; block < blocks; block++) {
      const isLast = block === blocks - 1;
      compress(value, {
        words: this.#words,
        from: block * blockWords,
        lengthBytes: isLast ? this.#filled - block * blockBytes : blockBytes,
        flags: (block === 0 ? chunkStart : 0) | (isLast ? chunkEnd | rootFlag : 0),
        counter: this.#closedChunks,
      });
    }
    return value;
  }
}

function parentOf(left: Int32Array, right: Int32Array, rootFlag: number): Int32Array {
  const words = new Int32Array(blockWords);
  words.set(left);
  words.set(right, 8);
  const value = initial.slice();
  const flags = parentNode | rootFlag;
  compress(value, { words, from: 0, lengthBytes: blockBytes, flags, counter: 0 });
  return value;
}
