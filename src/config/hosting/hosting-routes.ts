import type { SettingRows } from "../setting.ts";

/** Where a platform that hosts one model expects its calls, beside the usual paths. */
export interface HostingRoutes {
  /** Answers 200 while the server is ready. */
  readonly health: string | undefined;
  readonly predict: string | undefined;
}

/** The rows of src/config/settings.ts for platforms that host one model. */
export const hostingSettings = {
  "health-route": {
    env: "AIP_HEALTH_ROUTE",
    type: "text",
    default: "",
    doc: "further path that answers 200 while the server is ready, as Vertex AI chooses it",
  },
  "predict-route": {
    env: "AIP_PREDICT_ROUTE",
    type: "text",
    default: "",
    doc: "further path for predictions of the only model, as Vertex AI chooses it",
  },
} as const satisfies SettingRows;

/** `names`: of the settings, as the operator wrote them. */
export function readHostingRoutes(
  sent: { readonly health: string; readonly predict: string },
  names: { readonly health: string; readonly predict: string },
  problems: string[],
): HostingRoutes {
  const read = (key: "health" | "predict") => {
    const route = sent[key];
    if (route === "") return undefined;
    if (!/^\/[\w.~:@%+-]+(?:\/[\w.~:@%+-]+)*$/.test(route)) {
      problems.push(
        `${names[key]} is '${route}', expected a path of letters, digits and -._~:@%+, such as /predict`,
      );
    }
    return route;
  };
  const routes = { health: read("health"), predict: read("predict") };
  if (routes.health !== undefined && routes.health === routes.predict) {
    problems.push(`${names.health} and ${names.predict} are both '${routes.health}'`);
  }
  return routes;
}
