/** Words that the model knows as one token each. */
const words =
  "the of and in to was is for on as with by he that from at it his an were are which this also be had or has first their one after its new who they two her she been other when time during there into all may school world then people years year city between used three most some only over many more later where state such than up both before made about".split(
    " ",
  );

/** So that all servers, and all runs, embed the same. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function makeTexts(seed: number, most: number): string[] {
  const random = generator(seed);
  return Array.from({ length: 64 }, () => {
    const count = 3 + Math.floor(random() * (most - 2));
    return Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(
      " ",
    );
  });
}

/** 3 to 20 words, as queries are. */
export const shortTexts: readonly string[] = makeTexts(1, 20);

/** 3 to 180 words, as passages are. All servers take them whole. */
export const mixedTexts: readonly string[] = makeTexts(2, 180);

/** One query. */
export const oneText = "how many people were in the city when the school was first made";
