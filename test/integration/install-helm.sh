#!/usr/bin/env bash
# Builds Helm into node_modules/.cache/helm, where test/support/docs/helm-chart.ts looks for it when there is none. Runs after
# test/conformance/install-runner.sh, which brings a Go that is new enough.
set -euo pipefail
cd "$(dirname "$0")/../.."

go=node_modules/.cache/conformance/python/bin/go
[[ -x "$go" ]] || go=go
CGO_ENABLED=0 GOBIN="$PWD/node_modules/.cache/helm" GOFLAGS=-buildvcs=false \
  "$go" install -ldflags="-s -w" helm.sh/helm/v3/cmd/helm@v3.22.0
