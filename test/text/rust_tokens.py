"""What tokenizers (the Rust library) makes of texts. Arguments: a tokenizer.json, and a JSON file with a list of texts. Prints a JSON
list with the ids and offsets of each, special tokens included, and of each with the next one as a pair."""

import json
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
texts = json.load(open(sys.argv[2]))
answers = []
for at, text in enumerate(texts):
    one, pair = tokenizer.encode(text), tokenizer.encode(text, texts[(at + 1) % len(texts)])
    answers.append(dict(ids=one.ids, offsets=one.offsets, pair=pair.ids, types=pair.type_ids))
json.dump(answers, sys.stdout)
