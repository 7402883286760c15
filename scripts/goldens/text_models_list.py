"""The models of text_models.py: one for each architecture and head, with the poolings spread over them."""

import torch
import transformers as t

MEAN = [("Pooling", {"modes": ["mean"], "old": True}), ("Normalize", {})]
BERT = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=64
)
# Positions of RoBERTa and MPNet start behind the padding's id.
ROBERTA = BERT | dict(max_position_embeddings=66, pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5)
DISTIL = dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64)
MODERN = BERT | dict(
    num_hidden_layers=3,
    intermediate_size=48,
    local_attention=8,
    pad_token_id=0,
    cls_token_id=2,
    sep_token_id=3,
    bos_token_id=2,
    eos_token_id=3,
)


def pooling(*modes, **options):
    return [("Pooling", {"modes": list(modes), **options})]


def labels(*names):
    return dict(num_labels=len(names), id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})


def bert(model, config=None, **spec):
    made = t.BertConfig(**BERT, **(config or {}))
    return dict(model=model, config=made, tokenizer="wordpiece", limit=64, types=True, **spec)


def roberta(model, make=t.RobertaConfig, config=None, kind="roberta", **spec):
    return dict(model=model, config=make(**ROBERTA, **(config or {})), tokenizer=kind, limit=64, **spec)


def distilbert(model, config=None, **spec):
    made = t.DistilBertConfig(**DISTIL, **(config or {}))
    return dict(model=model, config=made, tokenizer="wordpiece", limit=64, **spec)


def mpnet(model, config=None, limit=64, **spec):
    sizes = BERT | dict(max_position_embeddings=limit + 2, pad_token_id=1, layer_norm_eps=1e-5)
    return dict(model=model, config=t.MPNetConfig(**sizes, **(config or {})), tokenizer="mpnet", limit=limit, **spec)


def modernbert(model, config=None, **spec):
    made = t.ModernBertConfig(**MODERN, **(config or {}))
    return dict(model=model, config=made, tokenizer="modernbert", limit=64, **spec)


def electra(model, config=None, **spec):
    made = t.ElectraConfig(**BERT, embedding_size=16, **(config or {}))
    return dict(model=model, config=made, tokenizer="wordpiece", limit=64, types=True, dtype="F16", **spec)


def models():
    ner = labels("O", "B-PLACE", "I-PLACE", "B-TIME", "I-TIME")
    moods = labels("calm", "windy", "wet")
    dense = {"out": 24, "activation": torch.nn.Tanh()}
    return {
        "bert-embedding": bert(t.BertModel, modules=MEAN),
        "bert-dense": bert(
            t.BertModel,
            dict(hidden_act="gelu_new"),
            dtype="F16",
            modules=[*pooling("cls"), ("Dense", dense), ("Normalize", {})],
        ),
        "bert-pools": bert(
            t.BertModel,
            dict(hidden_act="relu"),
            dtype="F16",
            modules=pooling("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"),
        ),
        "bert-masked": bert(t.BertForMaskedLM, dtype="F16", modules=pooling("mean"), encoder="bert"),
        "bert-onnx": bert(t.BertModel, modules=MEAN, export=True),
        "bert-rerank": bert(t.BertForSequenceClassification, labels("LABEL_0"), dtype="BF16", pairs=True),
        "bert-classifier": bert(
            t.BertForSequenceClassification, dict(moods, problem_type="multi_label_classification"), dtype="F16"
        ),
        "bert-entities": bert(t.BertForTokenClassification, ner, dtype="F16"),
        "camembert-embedding": roberta(
            t.CamembertModel, t.CamembertConfig, kind="unigram", dtype="F16", modules=pooling("mean")
        ),
        "distilbert-embedding": distilbert(t.DistilBertModel, modules=pooling("mean_sqrt_len_tokens")),
        # Two labels without names: config.json says nothing about them.
        "distilbert-classifier": distilbert(t.DistilBertForSequenceClassification, dtype="F16"),
        "distilbert-entities": distilbert(t.DistilBertForTokenClassification, ner, dtype="F16"),
        "electra-embedding": electra(t.ElectraModel, modules=pooling("cls")),
        "modernbert-embedding": modernbert(t.ModernBertModel, modules=pooling("weightedmean")),
        "modernbert-rerank": modernbert(
            t.ModernBertForSequenceClassification,
            dict(labels("LABEL_0"), classifier_pooling="mean"),
            dtype="F16",
            pairs=True,
        ),
        "modernbert-classifier": modernbert(t.ModernBertForSequenceClassification, moods, dtype="F16"),
        "modernbert-entities": modernbert(t.ModernBertForTokenClassification, ner, dtype="BF16"),
        "mpnet-embedding": mpnet(t.MPNetModel, limit=150, modules=MEAN),
        "mpnet-classifier": mpnet(t.MPNetForSequenceClassification, moods, dtype="F16"),
        "mpnet-entities": mpnet(t.MPNetForTokenClassification, ner, dtype="F16"),
        "nomic-embedding": dict(
            model=t.NomicBertModel,
            config=t.NomicBertConfig(**BERT),
            tokenizer="wordpiece",
            limit=64,
            types=True,
            modules=MEAN,
        ),
        "qwen3-embedding": dict(
            model=t.Qwen3Model,
            config=t.Qwen3Config(**BERT, head_dim=8, num_key_value_heads=2, pad_token_id=0),
            tokenizer="qwen",
            limit=64,
            modules=[*pooling("lasttoken"), ("Normalize", {})],
        ),
        "roberta-embedding": roberta(t.RobertaModel, modules=pooling("max")),
        "roberta-classifier": roberta(t.RobertaForSequenceClassification, config=moods, dtype="F16"),
        "roberta-entities": roberta(t.RobertaForTokenClassification, config=ner, dtype="F16"),
        "xlm-roberta-embedding": roberta(
            t.XLMRobertaModel, t.XLMRobertaConfig, kind="unigram", modules=MEAN, shards=True
        ),
        "xlm-roberta-rerank": roberta(
            t.XLMRobertaForSequenceClassification,
            t.XLMRobertaConfig,
            labels("LABEL_0"),
            kind="unigram",
            dtype="F16",
            pairs=True,
        ),
        "xlm-roberta-entities": roberta(
            t.XLMRobertaForTokenClassification, t.XLMRobertaConfig, ner, kind="unigram", dtype="F16"
        ),
        "electra-rerank": electra(t.ElectraForSequenceClassification, labels("LABEL_0"), pairs=True),
        "electra-entities": electra(t.ElectraForTokenClassification, ner),
    }
