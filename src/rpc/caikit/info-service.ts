import type { ServiceImpl } from "@connectrpc/connect";
import type { InfoService } from "../../../gen/caikit/info-service_pb.ts";
import { type InfoParts, modelInfos } from "./model-infos.ts";

/** Caikit's service for what runs here: see proto/caikit/info-service.proto. `version` is ours. */
export function infoService({
  version,
  ...parts
}: InfoParts & { readonly version: string }): ServiceImpl<typeof InfoService> {
  return {
    getRuntimeInfo() {
      return { runtimeVersion: version };
    },

    async getModelsInfo({ modelIds }) {
      const infos = await modelInfos(parts, modelIds);
      return {
        models: infos.map(({ name, size, metadata, loaded }) => ({
          name,
          loaded,
          ...(size !== undefined && { size: BigInt(size) }),
          ...(metadata !== undefined && { metadata }),
        })),
      };
    },
  };
}
