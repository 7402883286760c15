import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hyphenateAuthority } from "../../../../src/rpc/port/hpack-authority.ts";
import { AuthorityFilter } from "../../../../src/rpc/port/unix-authority.ts";
import {
  flag,
  frame,
  frameType,
  hpackLiteral,
  preface,
  type Representation,
} from "../../../support/clients/http2-frames.ts";

const socketPath = "/tmp/mmesh/grpc.sock";
const hyphenated = "-tmp-mmesh-grpc.sock";
const authority = 1;
const path = 4;

/** :method POST from the static table, a size update, and three literals. */
function headerBlock(representation: Representation, name: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x3f, 0x21]),
    hpackLiteral(representation, authority, name),
    hpackLiteral(representation, path, "/a.B/C"),
    hpackLiteral(representation, "x-path", "/usr/bin"),
  ]);
}

function filtered(chunks: readonly Buffer[]): Buffer {
  const filter = new AuthorityFilter();
  return Buffer.concat(chunks.flatMap((chunk) => filter.push(Buffer.from(chunk))));
}

describe("the authority in a header block", () => {
  for (const representation of ["incremental", "withoutIndexing", "neverIndexed"] as const) {
    it(`loses its slashes and nothing else does, ${representation}`, () => {
      const block = headerBlock(representation, socketPath);
      hyphenateAuthority(block);
      assert.deepEqual(block, headerBlock(representation, hyphenated));
    });
  }

  it("may be as long as a path can be", () => {
    const long = `/${"d/".repeat(2000)}s`;
    const block = headerBlock("incremental", long);
    hyphenateAuthority(block);
    assert.deepEqual(block, headerBlock("incremental", long.replaceAll("/", "-")));
  });

  it("is left alone in Huffman code, where a byte is not a letter", () => {
    const coded = Buffer.from([0x41, 0x82, 0x2f, 0x2f]);
    const block = Buffer.from(coded);
    hyphenateAuthority(block);
    assert.deepEqual(block, coded);
  });

  it("may be anything at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const block = Buffer.from(bytes);
        hyphenateAuthority(block);
        for (const [at, byte] of block.entries()) {
          assert.ok(byte === bytes[at] || (bytes[at] === 0x2f && byte === 0x2d));
        }
      }),
    );
  });
});

describe("the filter of what comes in over a unix socket", () => {
  const settings = frame({ type: frameType.settings });
  const data = frame({ type: frameType.data, stream: 1, payload: Buffer.from("/data/stays/") });

  function connection(name: string): Buffer {
    const block = headerBlock("incremental", name);
    const [first, second, third] = [
      block.subarray(0, 9),
      block.subarray(9, 14),
      block.subarray(14),
    ];
    const padded = Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 16]), block, Buffer.alloc(4)]);
    return Buffer.concat([
      preface,
      settings,
      frame({ type: frameType.headers, flags: flag.endHeaders, stream: 1, payload: block }),
      data,
      // The block may end in the middle of the authority.
      frame({ type: frameType.headers, stream: 3, payload: first }),
      frame({ type: frameType.continuation, stream: 3, payload: second }),
      frame({ type: frameType.continuation, flags: flag.endHeaders, stream: 3, payload: third }),
      frame({
        type: frameType.headers,
        flags: flag.endHeaders | flag.padded | flag.priority,
        stream: 5,
        payload: padded,
      }),
      data,
    ]);
  }

  it("changes the authority of every request, whatever frames carry it", () => {
    assert.deepEqual(filtered([connection(socketPath)]), connection(hyphenated));
  });

  it("does so wherever the chunks end", () => {
    const whole = connection(socketPath);
    const expected = connection(hyphenated);
    assert.deepEqual(filtered([...whole].map((byte) => Buffer.from([byte]))), expected);
    const cuts = fc.array(fc.nat({ max: whole.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (positions) => {
        const ends = [...positions, whole.length].sort((a, b) => a - b);
        const chunks = ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
        assert.deepEqual(filtered(chunks), expected);
      }),
    );
  });

  it("passes every byte of anything else, in order", () => {
    const { data: dataType, settings: settingsType } = frameType;
    const payloads = fc.array(fc.tuple(fc.constantFrom(dataType, settingsType), fc.uint8Array()));
    fc.assert(
      fc.property(payloads, (frames) => {
        const sent = frames.map(([type, payload]) => frame({ type, stream: 1, payload }));
        const bytes = Buffer.concat([preface, ...sent]);
        assert.deepEqual(filtered([bytes]), bytes);
      }),
    );
  });

  it("holds back no more than a few CONTINUATION frames, however small they are", () => {
    const open = frame({ type: frameType.headers, stream: 1, payload: Buffer.from([0x83]) });
    const empty = frame({ type: frameType.continuation, stream: 1 });
    const filter = new AuthorityFilter();
    let heldBytes = filter
      .push(Buffer.concat([preface, open]))
      .reduce((sum, { length }) => sum - length, preface.length + open.length);
    for (let sent = 0; sent < 1_000; sent++) {
      heldBytes += empty.length;
      for (const { length } of filter.push(Buffer.from(empty))) heldBytes -= length;
      assert.ok(heldBytes < 32 * empty.length, `${heldBytes} bytes after ${sent} frames`);
    }
  });

  it("understands a large block that comes byte by byte", () => {
    const large = hpackLiteral("withoutIndexing", "x-filler", "x".repeat(40_000));
    const block = (name: string) => Buffer.concat([headerBlock("incremental", name), large]);
    const bytes = (name: string) =>
      Buffer.concat([
        preface,
        frame({ type: frameType.headers, flags: flag.endHeaders, stream: 1, payload: block(name) }),
      ]);
    const drip = Array.from(bytes(socketPath), (byte) => Buffer.of(byte));
    assert.ok(filtered(drip).equals(bytes(hyphenated)));
  });

  it("lets a block that is interrupted, or has no end, go to the parser", () => {
    const block = headerBlock("incremental", socketPath);
    const open = frame({ type: frameType.headers, stream: 1, payload: block });
    const interrupted = Buffer.concat([preface, open, data]);
    assert.deepEqual(filtered([interrupted]), interrupted);
    const more = frame({ type: frameType.continuation, stream: 1, payload: Buffer.alloc(16_000) });
    const endless = Buffer.concat([preface, open, ...Array.from({ length: 20 }, () => more)]);
    const passed = filtered([endless]);
    assert.ok(passed.length > 128 * 1024 && endless.subarray(0, passed.length).equals(passed));
  });
});
