"""Signs folders as the test asks: one JSON line for each, {"model", "key", "signature", "method", "algorithm", "shard",
"links", "ignored"}. Needs model-signing."""

import json
import sys

from model_signing import hashing, signing

for line in sys.stdin:
    ask = json.loads(line)
    config = hashing.Config()
    if ask["method"] == "files":
        config.use_file_serialization(hashing_algorithm=ask["algorithm"])
    else:
        config.use_shard_serialization(hashing_algorithm=ask["algorithm"], shard_size=ask["shard"])
    config.set_allow_symlinks(ask["links"])
    config.set_ignored_paths(paths=[*ask["ignored"], "model.sig"])
    signer = signing.Config().use_elliptic_key_signer(private_key=ask["key"])
    signer.set_hashing_config(config).sign(ask["model"], ask["signature"])
