/** The port's description for clients that are not browsers. */
export function aboutServer(version: string): object {
  return {
    name: "modelport",
    version,
    about: "A model runtime: gRPC, gRPC-Web and Connect on this one port.",
    try: [
      "GET / in a browser for a dashboard of the loaded models",
      "GET /v2/docs for a page to read and try the API of the loaded models",
      "POST /inference.GRPCInferenceService/ServerReady with Content-Type: application/json and body {}",
      'POST /inference.GRPCInferenceService/ModelMetadata with Content-Type: application/json and body {"name": "<model id>"}',
      "POST /mmesh.ModelRuntime/runtimeStatus (it unloads what loadModel loaded) with body {}",
    ],
  };
}
