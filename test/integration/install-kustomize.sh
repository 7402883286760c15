#!/usr/bin/env bash
# Builds kustomize into node_modules/.cache/kustomize, where test/support/kserve-manifests.ts looks for it when
# there is no kubectl. Runs after test/conformance/install-runner.sh, which brings a Go that is new enough.
set -euo pipefail
cd "$(dirname "$0")/../.."

go=node_modules/.cache/conformance/python/bin/go
[[ -x "$go" ]] || go=go
CGO_ENABLED=0 GOBIN="$PWD/node_modules/.cache/kustomize" GOFLAGS=-buildvcs=false \
  "$go" install sigs.k8s.io/kustomize/kustomize/v5@v5.8.3
