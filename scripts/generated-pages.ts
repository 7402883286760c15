import { generateReference } from "./configuration-page.ts";
import { generateMetricsPage } from "./metrics-page.ts";

/** Pages with parts that the code is the source of, and what makes these anew. */
export const generatedPages: Readonly<Record<string, (page: string) => string>> = {
  "docs/configuration.md": generateReference,
  "docs/metrics.md": generateMetricsPage,
};
