#!/bin/sh
# Installs the servers that `npm run bench -- --only peers` compares with, into bench/peers/.venv.
# Takes some minutes and half a gigabyte; nothing else needs it.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
# Caikit's package lacks the modules that its runtime compiles from these definitions.
cd "$(.venv/bin/python -c 'import caikit, os; print(os.path.dirname(caikit.__file__))')/runtime/protobufs"
python="$OLDPWD/.venv/bin/python"
"$python" -m grpc_tools.protoc --proto_path=protos --python_out=. --grpc_python_out=. protos/*.proto
"$python" -c 'import caikit.runtime.grpc_server, mlserver; print("MLServer", mlserver.__version__)'
