"""Writes test/fixtures/text/tokens/entities.json.gz: how the pipeline of transformers groups random classes of tokens, with the tokenizers
that text_tokens.py has made. Run: python text_entities.py, with transformers 5.
"""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import numpy
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.pipelines.token_classification import AggregationStrategy, TokenClassificationPipeline

import text_strings

folder = Path(__file__).parents[2] / "test/fixtures/text/tokens"
files = json.loads(gzip.open(folder / "golden.json.gz").read())["files"]
labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
rng = numpy.random.default_rng(20)


class Grouping(TokenClassificationPipeline):
    """Without a model."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.model = SimpleNamespace(config=SimpleNamespace(id2label=dict(enumerate(labels))))


def grouped(pipeline, encoding, text, logits, strategy):
    exp = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    scores = exp / exp.sum(axis=-1, keepdims=True)
    tokens = pipeline.gather_pre_entities(text, encoding.ids, scores, encoding.offsets, encoding.special_tokens_mask, strategy)
    found = [e for e in pipeline.aggregate(tokens, strategy) if e.get("entity", e.get("entity_group")) != "O"]
    return [[e["start"], e["end"], e.get("entity", e.get("entity_group")), round(float(e["score"]), 5)] for e in found]


cases = []
for name in ("wordpiece", "byte-bpe", "unigram"):
    tokenizer = Tokenizer.from_str(json.dumps(files[name]))
    unknown = "[UNK]" if name == "wordpiece" else "<unk>"
    pipeline = Grouping(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=unknown))
    for text in [s[:60] for s in text_strings.sentences[::3]] + [f"{e} Ann-Marie O'Neil, in  New York{e}!" for e in text_strings.emoji[::3]] + [""]:
        encoding = tokenizer.encode(text)
        # One class for a few tokens in a row, mostly.
        chosen = numpy.repeat(rng.integers(0, len(labels), len(encoding.ids)), 3)[: len(encoding.ids)]
        logits = rng.normal(0, 1, (len(encoding.ids), len(labels)))
        logits[numpy.arange(len(chosen)), chosen] += 2
        logits = logits.round(2).astype(numpy.float32)
        cases.append(dict(
            file=name, text=text, logits=[round(float(x), 2) for x in logits.ravel()],
            **{strategy.value: grouped(pipeline, encoding, text, logits, strategy) for strategy in AggregationStrategy},
        ))
# The same bytes for the same answers.
with gzip.GzipFile(folder / "entities.json.gz", "wb", 9, mtime=0) as written:
    written.write(json.dumps(dict(labels=labels, cases=cases), ensure_ascii=False, separators=(",", ":")).encode())
print(len(cases), "cases", (folder / "entities.json.gz").stat().st_size, "bytes")
