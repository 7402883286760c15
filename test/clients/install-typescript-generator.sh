#!/usr/bin/env bash
# Puts the generator of TypeScript clients into node_modules/.cache/openapi-ts, where
# test/clients/typescript-client.test.ts looks for it.
set -euo pipefail
cd "$(dirname "$0")/../.."

# In a folder of its own: it needs a TypeScript that has an API, which ours does not.
cache="$PWD/node_modules/.cache/openapi-ts"
mkdir -p "$cache"
echo '{"private":true}' >"$cache/package.json"
npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error \
  @hey-api/openapi-ts@0.99.0 typescript@5.9.3
