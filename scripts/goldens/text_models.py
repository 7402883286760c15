"""Writes tiny text models with random weights, and what transformers and sentence-transformers answer for them.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install torch transformers sentence-transformers onnx onnxscript
    /tmp/golden/bin/python scripts/goldens/text_models.py [NAME ...]

Each folder of test/fixtures/text/ is a model as Hugging Face lays it out, with golden.json: batches of token ids and
their outputs by transformers, and texts with their ids and outputs as sentence-transformers encodes them.
"""

import copy
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling
from text_models_list import models
from text_tokenizers import tokenizer_for

ROOT = Path(__file__).parents[2] / "test/fixtures/text"
TEXTS = [
    "The harbour was quiet in the morning.",
    "a",
    "Boats carry wood and grain along the river; nobody counts the rain.",
    "WIND AND RAIN",
    "The river, the harbour, the market and the hill: all of them were quiet that morning, and the wind came later.",
]
PAIRS = [["Where is the harbour?", "The harbour is below the hill."], ["rain", "wind and rain and wind again"]]
TYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, weights in model.named_parameters():
        noise = torch.randn(weights.shape, generator=generator) * 0.15
        is_scale = name.endswith("weight") and weights.dim() == 1
        weights.data = noise + 1 if is_scale else noise


def batches(config, spec):
    """Ids, masks and types: a batch of several lengths, the longest text, and one with the padding inside."""
    generator = torch.Generator().manual_seed(7)
    padding = spec.get("pad", config.pad_token_id)
    for lengths in [[9, 40, 1, 23], [spec["limit"]], [12, 7]]:
        longest = max(lengths)
        ids = torch.randint(5, config.vocab_size, (len(lengths), longest), generator=generator)
        mask = torch.zeros_like(ids)
        for row, length in enumerate(lengths):
            mask[row, :length] = 1
            ids[row, length:] = padding
        if lengths == [12, 7]:
            ids[0, 4] = padding
        types = torch.randint(0, 2, ids.shape, generator=generator) * mask if spec.get("types") else None
        yield ids, mask, types


def rounded(values):
    return [rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.8g}")


def listed(tensor):
    return rounded(tensor.detach().float().tolist())


def modules_of(spec, width, folder, seed):
    """The modules after the encoder, written as sentence-transformers does."""
    entries = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    made = []
    for at, (kind, options) in enumerate(spec["modules"], start=1):
        path = f"{at}_{kind}"
        entries.append(
            {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        )
        (folder / path).mkdir(parents=True)
        if kind == "Pooling":
            modes = options["modes"]
            module = Pooling(width, pooling_mode=modes)
            width *= len(modes)
            if options.get("old"):
                names = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
                config = {f"pooling_mode_{name}": name.startswith(modes[0] + "_t") for name in names}
                config["word_embedding_dimension"] = width
            else:
                config = {"embedding_dimension": width, "pooling_mode": modes if len(modes) > 1 else modes[0]}
                config["include_prompt"] = options.get("include_prompt", True)
            (folder / path / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        elif kind == "Dense":
            module = Dense(width, options["out"], activation_function=options["activation"])
            randomize(module, seed + at)
            module.save(str(folder / path))
            width = options["out"]
        else:
            module = Normalize()
        made.append(module)
    (folder / "modules.json").write_text(json.dumps(entries, indent=1) + "\n")
    return made


def answers(model, spec, modules, inputs):
    ids, mask, types = inputs
    extra = {"token_type_ids": types} if types is not None else {}
    # A file of a class with another head holds the encoder below a prefix.
    encoder = getattr(model, spec["encoder"]) if "encoder" in spec else model
    found = encoder(input_ids=ids, attention_mask=mask, **extra)
    if "modules" not in spec:
        return found.logits
    features = {"token_embeddings": found.last_hidden_state, "attention_mask": mask, "input_ids": ids}
    for module in modules:
        features = module(features)
    return features["sentence_embedding"]


def shard(folder):
    """Two files in place of one, with an index."""
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    places = {}
    for part, of_part in enumerate([names[::2], names[1::2]], start=1):
        file = f"model-{part:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in of_part}, folder / file, metadata={"format": "pt"})
        places |= {name: file for name in of_part}
    index = {"metadata": {"total_size": 0}, "weight_map": dict(sorted(places.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "model.safetensors").unlink()


def clean_config(folder, spec):
    """Without paths, and as old versions wrote it where the model is to look old."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key in ["_name_or_path", "transformers_version", *spec.get("drop", [])]:
        config.pop(key, None)
    config |= spec.get("config_file", {})
    path.write_text(json.dumps(config, indent=1) + "\n")


def export(model, folder):
    """As optimum does: the encoder as onnx/model.onnx."""
    (folder / "onnx").mkdir()
    ids = torch.ones((2, 5), dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Tokens(model),
        (ids, ids, ids * 0),
        str(folder / "onnx/model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*names, "last_hidden_state"]},
        opset_version=14,
        dynamo=False,
    )
    (folder / "model.safetensors").unlink()


class Tokens(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask, types):
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def write(name, spec, seed):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    tokenizer = tokenizer_for(spec["tokenizer"], spec["limit"])
    config = spec["config"]
    config.vocab_size = len(tokenizer)
    config._attn_implementation = "eager"
    model = spec["model"](config).eval()
    randomize(model, seed)
    dtype = TYPES[spec.get("dtype", "F32")]
    # The reference computes in float32 with the weights as they are stored. Buffers, such as rotation angles, are not.
    for weights in model.parameters():
        weights.data = weights.data.to(dtype).float()
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    clean_config(folder, spec)
    tokenizer.save_pretrained(folder)
    modules = modules_of(spec, config.hidden_size, folder, seed) if "modules" in spec else []
    golden = {"batches": [], "texts": []}
    with torch.no_grad():
        for inputs in batches(config, spec):
            ids, mask, types = inputs
            entry = {"ids": ids.tolist(), "mask": mask.tolist()}
            if types is not None:
                entry["types"] = types.tolist()
            golden["batches"].append(entry | {"output": listed(answers(model, spec, modules, inputs))})
        for text in TEXTS + (PAIRS if spec.get("pairs") else []):
            parts = [text] if isinstance(text, str) else text
            encoded = tokenizer(*parts, return_tensors="pt", return_token_type_ids=True)
            types = encoded.get("token_type_ids") if spec.get("types") else None
            inputs = (encoded["input_ids"], encoded["attention_mask"], types)
            output = listed(answers(model, spec, modules, inputs))[0]
            golden["texts"].append({"text": text, "ids": inputs[0][0].tolist(), "output": output})
    if spec.get("export"):
        export(model, folder)
    if spec.get("shards"):
        shard(folder)
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def main():
    wanted = set(sys.argv[1:])
    for seed, (name, spec) in enumerate(models().items(), start=1):
        if not wanted or name in wanted:
            write(name, spec, seed)
            size = sum(file.stat().st_size for file in (ROOT / name).rglob("*") if file.is_file())
            print(f"{name}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
