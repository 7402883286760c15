"""Embeds the texts of a JSON file with fastembed, as its documentation says for a model of one's own, and prints what that
took. Arguments: the model's folder, and the file."""

import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

RUNS = 3
NAME = "local/minilm"

folder, texts_file = sys.argv[1:]
with open(texts_file) as file:
    texts = json.load(file)
TextEmbedding.add_custom_model(
    model=NAME,
    pooling=PoolingType.MEAN,
    normalization=True,
    sources=ModelSource(hf=NAME),
    dim=384,
    model_file="model.onnx",
)
started = time.perf_counter()
model = TextEmbedding(NAME, specific_model_path=folder, threads=1)
list(model.embed(texts[:1]))
cold_ms = (time.perf_counter() - started) * 1000
before = time.process_time()
for _ in range(RUNS):
    vectors = list(model.embed(texts))
cpu_ms = (time.process_time() - before) * 1000 / RUNS
with open("/proc/self/smaps_rollup") as file:
    lines = (line.split() for line in file)
    private_kib = sum(int(line[1]) for line in lines if line[0].startswith("Private_"))
result = {
    "vectors": [vector.tolist() for vector in vectors],
    "coldMs": cold_ms,
    "cpuMs": cpu_ms,
    "privateMib": private_kib / 1024,
}
print(json.dumps(result))
