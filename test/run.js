// `npm test`: runs all tests, or those whose path contains one of the given words. Options go to
// `node --test`, for example `npm test -- unit/engine --test-name-pattern=cancel`.

import requireNode from "../src/require-node.cjs";

requireNode();

// Dynamic, since an old Node cannot read these files.
void import("./tooling/run-tests-command.ts");
