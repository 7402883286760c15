#!/bin/sh
# Installs the servers that `npm run bench -- --only peers` compares with, into bench/peers/.venv.
# Takes some minutes and a gigabyte; nothing else needs it.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/mlserver --version
