// `npm run check`: everything that must hold beside the tests.

import requireNode from "../src/require-node.cjs";

requireNode();

// Dynamic, since an old Node cannot read these files.
void import("./tooling/run-checks.ts");
