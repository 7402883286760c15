#!/bin/sh
# Installs the servers that `npm run bench -- --only peers,trees` compares with, into bench/peers/.venv and, since it needs other
# versions of the same packages, KServe's into bench/peers/.venv-kserve. Takes some minutes and two gigabytes; nothing else
# needs it.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
python3 -m venv .venv-kserve
.venv-kserve/bin/pip install --quiet --disable-pip-version-check --requirement requirements-kserve.txt
# Caikit's package lacks the modules that its runtime compiles from these definitions.
cd "$(.venv/bin/python -c 'import caikit, os; print(os.path.dirname(caikit.__file__))')/runtime/protobufs"
python="$OLDPWD/.venv/bin/python"
"$python" -m grpc_tools.protoc --proto_path=protos --python_out=. --grpc_python_out=. protos/*.proto
"$python" -c 'import caikit.runtime.grpc_server, mlserver; print("MLServer", mlserver.__version__)'
