import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { anyClient } from "./inference-traffic.ts";
import { type Activity, kindBy, type SoakUser, toAnswer } from "./soak-user.ts";

/** Probes, which must be answered at once whatever else goes on. */
export const healthTraffic: readonly Activity[] = [
  { name: "health", weight: 10, run: checkHealth },
];

async function checkHealth(user: SoakUser): Promise<void> {
  const { soak, random } = user;
  const by = random.below(2) === 0 ? soak.mesh : anyClient(user);
  const { name, client } = by;
  await soak.ledger.track({
    kind: kindBy(soak, by, "health"),
    client: name,
    expected: ["OK"],
    send: async () =>
      toAnswer(await client.call(Health.method.check, {}), (message) => {
        const { status } = message as { status?: string };
        return status === "SERVING" ? undefined : `the status is ${status}`;
      }),
  });
}
