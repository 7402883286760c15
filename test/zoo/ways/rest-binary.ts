import type { Datatype } from "../../../src/base/tensor.ts";
import { postInference } from "./rest-exchange.ts";
import type { Way } from "./way.ts";

interface BinaryOutput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size?: number };
}

/** REST with the bytes of all tensors behind the JSON, in the request and in the answer. */
export function restBinary(baseUrl: string): Way {
  return {
    name: "REST, binary",
    tellsNonFinite: true,
    carries: () => true,
    async infer(model, tensors) {
      const inputs = tensors.map(({ name, datatype, shape, data }) => {
        return { name, datatype, shape, parameters: { binary_data_size: data.byteLength } };
      });
      const request = { inputs, parameters: { binary_data_output: true } };
      const json = Buffer.from(JSON.stringify(request));
      const { head, rest } = await postInference(urlOf(baseUrl, model), {
        body: Buffer.concat([json, ...tensors.map(({ data }) => data)]),
        headerBytes: json.byteLength,
      });
      const { outputs } = JSON.parse(head) as { outputs: BinaryOutput[] };
      let at = 0;
      const answers = outputs.map(({ name, datatype, shape, parameters }) => {
        const size = parameters?.binary_data_size;
        if (size === undefined) throw new Error(`output '${name}' is not binary`);
        at += size;
        return { name, datatype, shape, data: rest.subarray(at - size, at) };
      });
      if (at !== rest.byteLength) throw new Error(`${at} bytes announced, ${rest.byteLength} came`);
      return answers;
    },
  };
}

export function urlOf(baseUrl: string, model: string): string {
  return `${baseUrl}/v2/models/${encodeURIComponent(model)}/infer`;
}
