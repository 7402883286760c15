/** What a runtime says that it holds, asked by somebody else than ModelMesh. */
export interface RuntimeBooks {
  /** Model id to state, of every model that is known in any way. */
  readonly states: ReadonlyMap<string, string>;
  /** Model id to measured bytes, of those that are ready. */
  readonly sizes: ReadonlyMap<string, number>;
}

export async function readRuntimeBooks(port: number): Promise<RuntimeBooks> {
  const index = (await post(port, "/v2/repository/index", {})) as {
    readonly name: string;
    readonly state: string;
  }[];
  const ready = index.filter(({ state }) => state === "READY");
  const sizes = await Promise.all(
    ready.map(async ({ name }): Promise<[string, number]> => {
      const answer = await post(port, "/mmesh.ModelRuntime/modelSize", { modelId: name });
      return [name, Number((answer as { sizeInBytes?: string }).sizeInBytes)];
    }),
  );
  return { states: new Map(index.map(({ name, state }) => [name, state])), sizes: new Map(sizes) };
}

async function post(port: number, path: string, body: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(body),
  });
  return await answer.json();
}
