import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LinkedNode, LinkedQueue } from "../../../src/base/linked-queue.ts";

/** A line of "a", "b" and so on, and the places of these. */
function lineOf(names: string): {
  line: LinkedQueue<string>;
  places: Record<string, LinkedNode<string>>;
} {
  const line = new LinkedQueue<string>();
  const places = Object.fromEntries([...names].map((name) => [name, line.add(name)]));
  return { line, places };
}

describe("a line", () => {
  it("has members in the order in which they came", () => {
    const { line } = lineOf("abc");
    assert.deepEqual([...line], ["a", "b", "c"]);
    assert.equal(line.first, "a");
    assert.equal(line.size, 3);
  });

  it("is empty at first, and again when all have left", () => {
    const { line, places } = lineOf("ab");
    for (const name of ["b", "a"]) places[name]?.leave();
    for (const empty of [line, new LinkedQueue<string>()]) {
      assert.deepEqual([...empty], []);
      assert.equal(empty.first, undefined);
      assert.equal(empty.size, 0);
    }
    line.add("c");
    assert.deepEqual([...line], ["c"]);
  });

  it("can be left from the front, the middle and the end, by each once", () => {
    for (const [name, left] of Object.entries({ a: "bc", b: "ac", c: "ab" })) {
      const { line, places } = lineOf("abc");
      places[name]?.leave();
      places[name]?.leave();
      assert.equal([...line].join(""), left);
      assert.equal(line.size, 2);
    }
  });

  it("lets go of the neighbours of whoever leaves", () => {
    const { places } = lineOf("abc");
    places["b"]?.leave();
    assert.equal(places["b"]?.previous, undefined);
    assert.equal(places["b"]?.next, undefined);
    assert.equal(places["a"]?.next, places["c"]);
    assert.equal(places["c"]?.previous, places["a"]);
  });

  it("finds the first who is meant", () => {
    const { line, places } = lineOf("abc");
    assert.equal(
      line.find((name) => name > "a"),
      places["b"],
    );
    assert.equal(
      line.find((name) => name > "c"),
      undefined,
    );
  });

  // Each case: who leaves as soon as the walk is at "b", and whom the walk comes by.
  const leaving = {
    "": "abcd",
    a: "abcd",
    b: "abcd",
    c: "abd",
    d: "abc",
    ac: "abd",
    cd: "ab",
    abcd: "ab",
  };
  for (const [leavers, seen] of Object.entries(leaving)) {
    it(`can be walked along while ${leavers === "" ? "nobody leaves" : `"${leavers}" leave`}`, () => {
      const { line, places } = lineOf("abcd");
      let walk = "";
      for (const name of line) {
        walk += name;
        if (name === "b") for (const leaver of leavers) places[leaver]?.leave();
      }
      assert.equal(walk, seen);
    });
  }

  it("is walked along anew where two neighbours leave, and misses nobody who stays", () => {
    const { line, places } = lineOf("abcd");
    let walk = "";
    for (const name of line) {
      walk += name;
      if (name === "b") for (const leaver of ["b", "c"]) places[leaver]?.leave();
    }
    assert.equal(walk, "abad");
  });

  it("is walked along to whoever comes meanwhile", () => {
    const { line } = lineOf("ab");
    let walk = "";
    for (const name of line) {
      walk += name;
      if (name === "b") line.add("c");
    }
    assert.equal(walk, "abc");
  });

  it("does as a Set does, whatever comes and goes", () => {
    const line = new LinkedQueue<number>();
    const set = new Set<number>();
    const places = new Map<number, LinkedNode<number>>();
    let state = 1;
    for (let step = 0; step < 2_000; step++) {
      state = (state * 48_271) % 0x7fff_ffff;
      const member = state % 50;
      const place = places.get(member);
      if (place === undefined) {
        places.set(member, line.add(member));
        set.add(member);
      } else {
        place.leave();
        places.delete(member);
        set.delete(member);
      }
      assert.deepEqual([...line], [...set]);
      assert.equal(line.size, set.size);
    }
  });
});
