/** ModelProto, IR 7, opset 13: "y" = Identity("x"), FP32 [1]. */
export const smallestModel: Buffer<ArrayBuffer> = Buffer.from(
  "08073a370a100a017812017922084964656e746974791201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a0208014202100d",
  "hex",
);
