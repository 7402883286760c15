"""Makes test/fixtures/signing: a small model, and signatures of it by the official tool of OpenSSF Model Signing.

Run it with a Python that has model-signing 1.1.1, pyopenssl and onnx:

    python scripts/goldens/signed_models.py test/fixtures/signing

The keys are made anew each time and thrown away: only what checks a signature is kept. Certificates are valid until
2120, except for those whose name says otherwise.
"""

import datetime
import pathlib
import shutil
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from onnx import TensorProto, helper

from model_signing import hashing, signing

OUT = pathlib.Path(sys.argv[1])
SIGNATURES = OUT / "signatures"
KEYS = OUT / "keys"
FROM = datetime.datetime(2020, 1, 1)
UNTIL = datetime.datetime(2120, 1, 1)


def model_bytes():
    """y = x + x, for rows of two numbers."""
    row = ["n", 2]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, row)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, row)],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def write_model(folder):
    (folder / "notes").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model_bytes())
    (folder / "modelport.json").write_text('{ "max_concurrency": 7 }\n')
    # Above 1,024 bytes, so that BLAKE3 has more than one chunk, and shards of 1,000 bytes are several.
    (folder / "notes" / "long.txt").write_text("".join(f"line {n}\n" for n in range(400)))
    (folder / "notes" / "empty.txt").write_text("")


def private_key(curve, folder, name):
    key = ec.generate_private_key(curve)
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key, path


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_usage(*wanted):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    ).split()
    return x509.KeyUsage(**{name: name in wanted for name in names})


def certificate(subject, key, issuer, issuer_key, extensions, until=UNTIL, start=FROM):
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def authority(length=None):
    return [
        (x509.BasicConstraints(ca=True, path_length=length), True),
        (key_usage("key_cert_sign", "crl_sign"), True),
    ]


SIGNER = [(x509.BasicConstraints(ca=False, path_length=None), True), (key_usage("digital_signature"), True)]


def pem(one):
    return one.public_bytes(serialization.Encoding.PEM)


def sign(model, name, signer, config=None, signature="model.sig"):
    """As the command does: the signature lies in the folder and is ignored."""
    config = config or hashing.Config()
    if model.is_dir():
        config.add_ignored_paths(model_path=model, paths=[signature])
    path = SIGNATURES / f"{name}.sig"
    signer(signing.Config()).set_hashing_config(config).sign(model, path)
    # The tool is finished: what it wrote is kept as it is.
    assert path.stat().st_size > 0


def with_key(path):
    return lambda config: config.use_elliptic_key_signer(private_key=path)


def sign_with_keys(model, folder):
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    paths = {}
    for name, curve in curves.items():
        key, paths[name] = private_key(curve, folder, name)
        (KEYS / f"{name}.pub").write_bytes(public_pem(key))
    stranger, _ = private_key(curves["p256"], folder, "stranger")
    (KEYS / "stranger.pub").write_bytes(public_pem(stranger))
    signers = {name: with_key(path) for name, path in paths.items()}
    files = lambda algorithm: hashing.Config().use_file_serialization(hashing_algorithm=algorithm)
    shards = lambda algorithm, size: hashing.Config().use_shard_serialization(
        hashing_algorithm=algorithm, shard_size=size
    )
    sign(model, "p256-sha256", signers["p256"])
    sign(model, "p384-blake2b", signers["p384"], files("blake2"))
    sign(model, "p521-blake3", signers["p521"], files("blake3"))
    sign(model, "shards-sha256", signers["p256"], shards("sha256", 1_000))
    sign(model, "shards-blake2b", signers["p256"], shards("blake2", 1_000))
    sign(model, "shards-whole", signers["p256"], shards("sha256", 1_000_000_000))
    ignoring = hashing.Config().set_ignored_paths(paths=["notes"])
    sign(model, "ignoring-notes", signers["p256"], ignoring)
    sign(model, "allowing-links", signers["p256"], hashing.Config().set_allow_symlinks(True))
    sign(model / "model.onnx", "single-file", signers["p256"])
    # More files and fewer files than the model has.
    with tempfile.TemporaryDirectory() as other:
        more = pathlib.Path(other) / "model"
        shutil.copytree(model, more)
        (more / "more.txt").write_text("more\n")
        sign(more, "more-files", signers["p256"])
        (more / "more.txt").unlink()
        (more / "notes" / "long.txt").unlink()
        sign(more, "fewer-files", signers["p256"])


def sign_with_certificates(model, folder):
    curve = ec.SECP256R1()
    root_key, _ = private_key(curve, folder, "root")
    between_key, _ = private_key(curve, folder, "between")
    other_key, _ = private_key(curve, folder, "other-root")
    leaf_key, leaf_path = private_key(curve, folder, "leaf")
    root = certificate("Test root", root_key, "Test root", root_key, authority())
    other = certificate("Other root", other_key, "Other root", other_key, authority())
    between = certificate("Test models", between_key, "Test root", root_key, authority(0))
    (KEYS / "root.crt").write_bytes(pem(root))
    (KEYS / "other-root.crt").write_bytes(pem(other))
    (KEYS / "between.crt").write_bytes(pem(between))

    def chain(name, leaf, *others):
        paths = []
        for at, one in enumerate([leaf, *others]):
            paths.append(folder / f"{name}-{at}.crt")
            paths[-1].write_bytes(pem(one))
        signer = lambda config: config.use_certificate_signer(
            private_key=leaf_path, signing_certificate=paths[0], certificate_chain=paths[1:]
        )
        sign(model, f"certificate-{name}", signer)

    def leaf(extensions, issuer="Test models", key=between_key, **times):
        return certificate("Signer of models", leaf_key, issuer, key, extensions, **times)

    usage = lambda *uses: [*SIGNER, (x509.ExtendedKeyUsage(uses), False)]
    chain("whole", leaf(SIGNER), between, root)
    chain("for-code", leaf(usage(ExtendedKeyUsageOID.CODE_SIGNING)), between)
    chain("direct", leaf(SIGNER, "Test root", root_key), root)
    chain("expired", leaf(SIGNER, until=datetime.datetime(2021, 1, 1)), between)
    chain("not-yet-valid", leaf(SIGNER, start=datetime.datetime(2119, 1, 1)), between)
    chain("for-servers", leaf(usage(ExtendedKeyUsageOID.SERVER_AUTH)), between)
    chain("without-usage", leaf([]), between)
    chain("key-agreement", leaf([(key_usage("key_agreement"), True)]), between)
    # Signed by a certificate that is no authority's.
    between_leaf = certificate("Test models", between_key, "Test root", root_key, SIGNER)
    chain("by-leaf", leaf(SIGNER), between_leaf)
    old = certificate("Test models", between_key, "Test root", root_key, authority(0), until=datetime.datetime(2021, 1, 1))
    chain("old-authority", leaf(SIGNER), old)
    # The authority between allows none below it.
    below = certificate("Too deep", leaf_key, "Test models", between_key, authority())
    chain("too-deep", leaf(SIGNER, "Too deep", leaf_key), below, between)
    # The names of the chain, but another key.
    chain("forged", leaf(SIGNER, key=other_key), between)
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    chain("strange", leaf([*SIGNER, (strange, True)]), between)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for folder in [SIGNATURES, KEYS]:
        folder.mkdir(parents=True)
    model = OUT / "model"
    write_model(model)
    with tempfile.TemporaryDirectory() as folder:
        sign_with_keys(model, pathlib.Path(folder))
        sign_with_certificates(model, pathlib.Path(folder))


main()
