#!/usr/bin/env bash
# Builds grpcurl into node_modules/.cache/grpcurl, where test/integration/grpcurl.test.ts looks for it. Runs after
# test/conformance/install-runner.sh, which brings a Go that is new enough.
set -euo pipefail
cd "$(dirname "$0")/../.."

go=node_modules/.cache/conformance/python/bin/go
[[ -x "$go" ]] || go=go
CGO_ENABLED=0 GOBIN="$PWD/node_modules/.cache/grpcurl" GOFLAGS=-buildvcs=false \
  "$go" install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3
