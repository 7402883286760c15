"""Makes the zoo: models, inputs and what ONNX Runtime's Python binding answers.

    make_zoo.py WORK --kinds node,simple [--only PATTERN] [--packages FOLDER]

Each kind becomes WORK/KIND/manifest.json beside a folder for each model. Prints one line for each kind."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import reference
from zoo_case import Case

# The longest that a model may take, with both of its runs.
CASE_SECONDS = 300


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work")
    parser.add_argument("--kinds", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--packages", default="")
    options = parser.parse_args()
    for kind in options.kinds.split(","):
        folder = os.path.join(options.work, kind)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        skipped: list[str] = []
        records = run_all(chosen(kind, options, skipped), options.work)
        manifest = {"kind": kind, "versions": versions(), "skipped": skipped, "cases": records}
        with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
        ran = sum("runs" in record for record in records)
        print(f"{kind}: {len(records)} models, of which the runtime itself runs {ran}", flush=True)


def chosen(kind: str, options: argparse.Namespace, skipped: list[str]) -> Iterator[Case]:
    for case in cases_of(kind, options.packages, skipped):
        if re.search(options.only, case.name):
            yield case


def cases_of(kind: str, packages: str, skipped: list[str]) -> Iterator[Case]:
    # Imported where they are used: each needs packages that the others do without.
    if kind == "packages":
        from package_models import package_cases

        return package_cases(packages, skipped)
    if kind == "sklearn":
        from sklearn_models import sklearn_cases

        return sklearn_cases(skipped)
    if kind in ("xgboost", "lightgbm"):
        from boosted_trees import boosted_cases

        return boosted_cases(kind, skipped)
    if kind == "torch":
        from torch_exports import torch_cases

        return torch_cases(skipped)
    from onnx_suite import suite_cases

    return suite_cases(kind)


def run_all(cases: Iterator[Case], work: str) -> list[dict]:
    records = []
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=context)
    for case in cases:
        folder = os.path.join(os.path.abspath(work), case.kind, case.name)
        try:
            records.append(pool.submit(reference.run_case, case, folder).result(CASE_SECONDS))
        except (BrokenProcessPool, TimeoutError) as error:
            at = "crash" if isinstance(error, BrokenProcessPool) else "time"
            record = {"kind": case.kind, "name": case.name, "group": case.group}
            model = f"{case.kind}/{case.name}/model.onnx"
            reason = "the process of the runtime ended" if at == "crash" else "no answer in time"
            records.append({**record, "model": model, "refusal": {"at": at, "reason": reason}})
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)
            pool = ProcessPoolExecutor(1, mp_context=context)
    pool.shutdown()
    return records


def versions() -> dict[str, str]:
    names = ("onnx", "onnxruntime", "scikit-learn", "skl2onnx", "onnxmltools", "xgboost", "xgboost-cpu", "lightgbm")
    found = {}
    for name in names:
        try:
            # Both packages are the same XGBoost.
            found[name.removesuffix("-cpu")] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
