"""Small networks, as PyTorch's own exporter writes them with its default options and sizes that vary. Only
with --torch: PyTorch and onnxscript have to be there already."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from zoo_case import Case


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Recurrent(nn.Module):
    def __init__(self, layer: type) -> None:
        super().__init__()
        self.layer = layer(8, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


class Words(nn.Module):
    """Token ids to the mean of their embeddings, padding left out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16, padding_idx=0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = (ids != 0).unsqueeze(-1).float()
        return (self.embedding(ids) * mask).sum(1) / mask.sum(1).clamp(min=1)


def networks() -> dict[str, tuple[nn.Module, torch.Tensor, dict[int, Any]]]:
    """The module, an example, and which axes of it vary."""
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.0)
    images = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
        nn.Softmax(1),
    )
    dense = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3))
    both = {0: batch, 1: length}
    return {
        "dense": (dense, torch.randn(3, 8), {0: batch}),
        "images": (images, torch.randn(2, 3, 16, 16), {0: batch}),
        "attention": (Attention(), torch.randn(2, 7, 32), both),
        "encoder": (nn.TransformerEncoder(block, 2), torch.randn(2, 7, 32), both),
        "lstm": (Recurrent(nn.LSTM), torch.randn(2, 7, 8), {0: batch}),
        "gru": (Recurrent(nn.GRU), torch.randn(2, 7, 8), {0: batch}),
        "words": (Words(), torch.randint(0, 50, (2, 7)), both),
    }


def torch_cases(skipped: list[str]) -> Iterator[Case]:
    torch.manual_seed(0)
    for name, (module, example, axes) in networks().items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    program = torch.onnx.export(module.eval(), (example,), dynamic_shapes=(axes,), dynamo=True)
                program.save(path, external_data=False)
            except Exception as error:  # noqa: BLE001: what the exporter cannot export is no case of ours
                skipped.append(f"{name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:100]}")
                continue
            model = onnx.load(path)
        values = example.numpy()
        longer = np.concatenate([values, values])
        yield Case("torch", name, model, [[values], [values[:1]], [longer]])
