import { RuntimeError } from "../../../src/base/errors.ts";
import type { EmbeddingCache } from "../../../src/service/text/embedding-cache.ts";
import { TextService } from "../../../src/service/text/text-service.ts";
import type { FakeTextTarget } from "./fake-text-target.ts";

/** What text models answer, of models without engines. Further ones may be added to `targets`. */
export class FakeTexts extends TextService {
  readonly targets: FakeTextTarget[];

  constructor(targets: FakeTextTarget[], cache?: EmbeddingCache) {
    const find = (id: string) => {
      const target = targets.find(({ label }) => label === id);
      if (target !== undefined) return target;
      throw new RuntimeError("model-not-found", `model '${id}' is not loaded`);
    };
    const models: ConstructorParameters<typeof TextService>[0] = {
      facts: (id) => find(id).facts,
      serving: () => targets.map(({ label, facts }) => ({ id: label, facts })),
      async use(id, signal, work) {
        signal.throwIfAborted();
        return await work(find(id));
      },
    };
    super(models, cache);
    this.targets = targets;
  }
}
