"""Compares Kubernetes objects with the types of KServe's and Kubernetes' own clients.

Takes a file with a JSON list of objects, and prints one line for each field that there is not, or that is
of another type or missing."""

import json
import re
import sys

import kserve.models
import kubernetes.client.models

KINDS = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): "V1alpha1ServingRuntime",
    ("serving.kserve.io/v1alpha1", "ClusterServingRuntime"): "V1alpha1ClusterServingRuntime",
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
    ("v1", "Secret"): "V1Secret",
    ("v1", "PersistentVolumeClaim"): "V1PersistentVolumeClaim",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def problems(value, type_name, where):
    """Yields one line for each thing in `value` that is not as the clients know it."""
    if listed := re.fullmatch(r"[lL]ist\[(.+)\]", type_name):
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for at, item in enumerate(value):
            yield from problems(item, listed[1], f"{where}[{at}]")
    elif mapped := re.fullmatch(r"[dD]ict[(\[]str, (.+)[)\]]", type_name):
        if not isinstance(value, dict):
            yield f"{where}: no map"
            return
        for key, item in value.items():
            yield from problems(item, mapped[1], f"{where}.{key}")
    elif type_name in PLAIN:
        # To Python a bool is an int as well.
        if not isinstance(value, PLAIN[type_name]) or isinstance(value, bool) != (type_name == "bool"):
            yield f"{where}: {value!r} is no {type_name}"
    elif type_name == "object":
        # A number or a name, says Kubernetes of these.
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            yield f"{where}: {value!r} is neither number nor name"
    elif type_name == "ResourceQuantity":
        if not isinstance(value, str):
            yield f"{where}: {value!r} is no quantity"
    else:
        yield from problems_of_object(value, type_name, where)


def problems_of_object(value, type_name, where):
    model = getattr(kserve.models, type_name, None) or getattr(
        kubernetes.client.models, type_name, None
    )
    if model is None:
        yield f"{where}: the clients do not know what a {type_name} is"
        return
    if not isinstance(value, dict):
        yield f"{where}: no {type_name}"
        return
    attributes = {field: attribute for attribute, field in model.attribute_map.items()}
    for field in value.keys() - attributes.keys():
        yield f"{where}.{field}: {type_name} has no such field"
    known = {attributes[field]: value[field] for field in value.keys() & attributes.keys()}
    try:
        model(**known)
    except ValueError as missing:
        yield f"{where}: {' '.join(str(missing).split())}"
    for attribute, item in known.items():
        field = model.attribute_map[attribute]
        yield from problems(item, model.openapi_types[attribute], f"{where}.{field}")


with open(sys.argv[1], encoding="utf-8") as file:
    for manifest in json.load(file):
        kind = (manifest["apiVersion"], manifest["kind"])
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if kind not in KINDS:
            print(f"{name}: no such kind in {kind[0]}")
            continue
        for problem in problems(manifest, KINDS[kind], name):
            print(problem)
