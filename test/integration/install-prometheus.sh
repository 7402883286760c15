#!/usr/bin/env bash
# Takes Debian's Prometheus and promtool apart into node_modules/.cache/prometheus, where
# test/integration/prometheus.test.ts looks for them. Nothing is installed or started.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder="$PWD/node_modules/.cache/prometheus"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
apt-get download -qq prometheus || (apt-get update -qq && apt-get download -qq prometheus)
dpkg-deb --extract prometheus_*.deb .
rm prometheus_*.deb
