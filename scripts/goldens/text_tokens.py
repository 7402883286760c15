"""Writes test/fixtures/text/tokens/golden.json.gz: small tokenizers of every kind, and what Hugging Face's tokenizers (the Rust library) makes of the
texts of text_strings.py with them. Run: python text_tokens.py, with tokenizers 0.23.3 and sentencepiece 0.2.3.
"""

import copy
import gzip
import hashlib
import io
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import text_strings

folder = Path(__file__).parents[2] / "test/fixtures/text/tokens"
texts = text_strings.strings()
corpus = [s for s in text_strings.sentences for _ in range(8)] + texts[::3] + [Path(__file__).read_text(), Path(text_strings.__file__).read_text()]


def word_piece(is_lowered):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=is_lowered)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=1400, limit_alphabet=700, special_tokens=names, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def byte_bpe():
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    names = ["<s>", "<pad>", "</s>", "<unk>", mask]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1200, initial_alphabet=alphabet, special_tokens=names, show_progress=False))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


def modern_bpe():
    tokenizer = byte_bpe()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    tokenizer.add_tokens([AddedToken("[unused1]", normalized=True), AddedToken("wörd", normalized=True)])
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
    )
    return tokenizer


def unigram():
    """As transformers converts XLM-R's model of SentencePiece."""
    with tempfile.TemporaryDirectory() as scratch:
        written = io.BytesIO()
        lines = [line for text in [*text_strings.sentences * 8, *corpus[-2:]] for line in text.replace("\x00", "").splitlines() if line.strip()]
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=written, vocab_size=1500, model_type="unigram", character_coverage=0.99,
            normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2, num_threads=1,
        )
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    pieces = [(p.piece, p.score) for p in model.pieces[3:]]
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces, ("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram([(p, round(score, 5)) for p, score in vocab], unk_id=3))
    tokenizer.normalizer = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def fallback_bpe():
    """Llama's shape: no words, bytes for what is unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=900, limit_alphabet=250, special_tokens=names, max_token_length=8, show_progress=False))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(data))


def added(content, id, **options):
    return dict(dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False), **options)


more_added = [
    added("tok", 5001, single_word=True), added("x_tok", 5002, rstrip=True, lstrip=True), added("ADDED", 5003, normalized=True),
    added("WÖRD", 5004, normalized=True, single_word=True), added("[unused1]", 5009, special=True, rstrip=True), added("[unused12]", 5010),
    added("a b", 5011, normalized=True), added("日", 5012, single_word=True), added("<mask>", 5013, lstrip=True, special=True),
]
split = lambda pattern, behavior, invert=False: dict(type="Split", pattern=pattern, behavior=behavior, invert=invert)
gpt4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
bytes_of = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
sequence = lambda *steps: dict(type="Sequence", normalizers=list(steps), pretokenizers=list(steps))

# Name, file, fields of the file that are different.
variants = [
    ("wordpiece with more added tokens", "wordpiece", dict(added_tokens="more")),
    ("wordpiece, Sequence of normalizers", "wordpiece", dict(normalizer=sequence(dict(type="NFKD"), dict(type="StripAccents"), dict(type="Lowercase"), dict(type="Strip", strip_left=True, strip_right=False)))),
    ("wordpiece, Replace and NFKC", "wordpiece", dict(normalizer=sequence(dict(type="Replace", pattern=dict(Regex=r"\s{2,}|[.!?]+"), content="$& x"), dict(type="NFKC")))),
    ("wordpiece, accents kept", "wordpiece", dict(normalizer=dict(type="BertNormalizer", clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True))),
    ("wordpiece cased, accents stripped", "wordpiece-cased", dict(normalizer=dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=False))),
    ("wordpiece, Whitespace", "wordpiece", dict(pre_tokenizer=dict(type="Whitespace"))),
    ("wordpiece, digits and punctuation", "wordpiece", dict(pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="WhitespaceSplit"), dict(type="Digits", individual_digits=True), dict(type="Punctuation", behavior="MergedWithPrevious")]))),
    ("wordpiece, digits together", "wordpiece", dict(pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="Digits", individual_digits=False), dict(type="Punctuation", behavior="Contiguous"), split(dict(String=" "), "Removed")]))),
    ("wordpiece, Split merged with next", "wordpiece", dict(pre_tokenizer=split(dict(Regex=r"[aeiou\s]"), "MergedWithNext"))),
    ("wordpiece, Split inverted", "wordpiece", dict(pre_tokenizer=split(dict(Regex=r"\w+|[^\w\s]+"), "Removed", True))),
    ("wordpiece, BertProcessing", "wordpiece", dict(post_processor=dict(type="BertProcessing", sep=["[SEP]", 3], cls=["[CLS]", 2]))),
    ("wordpiece, short words", "wordpiece", dict(model=dict(max_input_chars_per_word=6), normalizer=None)),
    ("byte-bpe, prefix space", "byte-bpe", dict(pre_tokenizer=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True), post_processor=dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 0], trim_offsets=True, add_prefix_space=True))),
    ("byte-bpe, merges ignored, no trim", "byte-bpe", dict(model=dict(ignore_merges=True), post_processor=None)),
    ("byte-bpe, GPT-4's words", "byte-bpe", dict(normalizer=dict(type="NFC"), pre_tokenizer=dict(type="Sequence", pretokenizers=[split(dict(Regex=gpt4), "Isolated"), bytes_of]), post_processor=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False))),
    ("byte-bpe, post-processors in a Sequence", "byte-bpe", dict(added_tokens="more", post_processor=dict(type="Sequence", processors=[dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True), dict(type="TemplateProcessing", single=[dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0))], pair=[dict(Sequence=dict(id="A", type_id=0)), dict(SpecialToken=dict(id="</s>", type_id=1)), dict(Sequence=dict(id="B", type_id=1))], special_tokens={"<s>": dict(id="<s>", ids=[0], tokens=["<s>"]), "</s>": dict(id="</s>", ids=[2], tokens=["</s>"])})]))),
    ("unigram, old form", "unigram", dict(pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="WhitespaceSplit"), dict(type="Metaspace", replacement="▁", str_rep="▁", add_prefix_space=True)]))),
    ("unigram, spaces squeezed", "unigram", dict(normalizer="squeezed")),
    ("unigram, first word only", "unigram", dict(pre_tokenizer=dict(type="Metaspace", replacement="▁", prepend_scheme="first", split=True))),
    ("unigram, never, one piece", "unigram", dict(pre_tokenizer=dict(type="Metaspace", replacement="▁", prepend_scheme="never", split=False))),
    ("unigram, added tokens", "unigram", dict(added_tokens="more")),
    ("fallback-bpe, unknowns apart", "fallback-bpe", dict(model=dict(byte_fallback=False, fuse_unk=False))),
    ("fallback-bpe, unknowns fused", "fallback-bpe", dict(model=dict(byte_fallback=False, fuse_unk=True))),
]


def patched(data, patch):
    data = copy.deepcopy(data)
    for key, value in patch.items():
        if key == "model":
            data["model"].update(value)
        elif value == "more":
            data["added_tokens"] += more_added
        elif value == "squeezed":
            data["normalizer"] = dict(type="Sequence", normalizers=[data["normalizer"], dict(type="Strip", strip_left=False, strip_right=True), dict(type="Replace", pattern=dict(Regex=" {2,}"), content="▁")])
        else:
            data[key] = value
    return data


def hashed(ids):
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()[:24]


def deltas(offsets):
    """From the end of the token before, and the length."""
    found, last = [], 0
    for start, end in offsets:
        found += [start - last, end - start]
        last = end
    return found


def answers(tokenizer, chosen):
    encodings = [tokenizer.encode(texts[at], add_special_tokens=False) for at in chosen]
    return dict(ids=[e.ids for e in encodings], offsets=[deltas(e.offsets) for e in encodings], words=[e.word_ids for e in encodings])


def cut(tokenizer):
    """Texts and pairs cut to limits, special tokens included."""
    rng = random.Random(22)
    found = []
    for limit in (4, 5, 8, 13, 32):
        for side in ("left", "right"):
            tokenizer.enable_truncation(limit, strategy="longest_first", direction=side)
            for _ in range(12):
                a = rng.randrange(len(texts))
                b = rng.choice([None, texts.index(""), a, rng.randrange(len(texts)), rng.randrange(len(texts))])
                e = tokenizer.encode(texts[a], None if b is None else texts[b])
                found.append(dict(limit=limit, side=side, text=a, pair=b, ids=e.ids, types=e.type_ids))
    tokenizer.no_truncation()
    for _ in range(40):
        a, b = rng.randrange(len(texts)), rng.choice([texts.index(""), rng.randrange(len(texts))])
        e = tokenizer.encode(texts[a], texts[b])
        found.append(dict(limit=None, side="right", text=a, pair=b, ids=e.ids, types=e.type_ids))
    return found


folder.mkdir(parents=True, exist_ok=True)
kinds = {"wordpiece": word_piece(True), "wordpiece-cased": word_piece(False), "byte-bpe": byte_bpe(), "modern-bpe": modern_bpe(), "unigram": unigram(), "fallback-bpe": fallback_bpe()}
files = {}
golden = dict(tokenizers=tokenizers.__version__, files=files, texts=texts, repeated=text_strings.repeated, long=text_strings.long_text(), answers=[])
for name, tokenizer in kinds.items():
    # As it is read back: ids of added tokens and the like.
    files[name] = json.loads(tokenizer.to_str())
    tokenizer = Tokenizer.from_str(json.dumps(files[name]))
    long = [piece * count for piece, count in text_strings.repeated] + [golden["long"]]
    golden["answers"].append(dict(
        name=name, file=name, patch={}, every=1, **answers(tokenizer, range(len(texts))), cut=cut(tokenizer),
        long=[(len(ids), hashed(ids)) for ids in (tokenizer.encode(text, add_special_tokens=False).ids for text in long)],
    ))
for name, file, patch in variants:
    tokenizer = Tokenizer.from_str(json.dumps(patched(files[file], patch)))
    patch = {key: value for key, value in patched(files[file], patch).items() if key in patch and key != "model" and patch[key] != "squeezed"} | {
        key: value for key, value in patch.items() if key == "model" or value == "squeezed"}
    golden["answers"].append(dict(name=name, file=file, patch=patch, every=6, **answers(tokenizer, range(0, len(texts), 6)), cut=cut(tokenizer), long=[]))

# The same bytes for the same answers.
with gzip.GzipFile(folder / "golden.json.gz", "wb", 9, mtime=0) as written:
    written.write(json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode())
print(len(texts), "texts", {path.name: path.stat().st_size for path in sorted(folder.iterdir())})
