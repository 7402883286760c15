"""Small tokenizers, trained on a few sentences, of the kinds that text models have."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SIZE = 300
CORPUS = """The harbour was quiet in the morning, and the boats lay below the hill.
Nobody counts the rain that falls on the river; the river carries wood and grain to the market.
The wind came later. Where is the market? The market is beside the harbour, near the old bridge.
A quiet morning, a long road, and all of them were there: the farmers, the sailors and the children.
Grain, wood, salt and wool were sold below the hill, and again on the other side of the river.""".splitlines()

BERT = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
ROBERTA = {"unk": "<unk>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = [BERT[name] for name in ["pad", "unk", "cls", "sep", "mask"]]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=specials))
    ids = [(token, tokenizer.token_to_id(token)) for token in ["[CLS]", "[SEP]"]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=ids
    )
    return tokenizer, BERT


def mpnet():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = {**ROBERTA, "unk": "[UNK]"}
    specials = [names[name] for name in ["cls", "pad", "sep", "unk", "mask"]]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=specials))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, names


def byte_pairs(names, specials):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer, names


def roberta():
    tokenizer, names = byte_pairs(ROBERTA, [ROBERTA[name] for name in ["cls", "pad", "sep", "unk", "mask"]])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, names


def modernbert():
    tokenizer, names = byte_pairs(BERT, [BERT[name] for name in ["pad", "unk", "cls", "sep", "mask"]])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer, names


def qwen():
    names = {"pad": "<|endoftext|>", "eos": "<|endoftext|>"}
    tokenizer, _ = byte_pairs(names, ["<|endoftext|>"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", pair="$A $B <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    return tokenizer, names


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = [ROBERTA[name] for name in ["cls", "pad", "sep", "unk"]]
    trainer = trainers.UnigramTrainer(vocab_size=SIZE - 1, special_tokens=[*specials, "<mask>"], unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer, ROBERTA


KINDS = {
    "wordpiece": word_piece,
    "mpnet": mpnet,
    "roberta": roberta,
    "modernbert": modernbert,
    "qwen": qwen,
    "unigram": unigram,
}


def tokenizer_for(kind, limit):
    tokenizer, names = KINDS[kind]()
    tokens = {f"{name}_token": token for name, token in names.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=limit, **tokens)
