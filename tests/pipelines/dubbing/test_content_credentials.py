"""The C2PA manifest of a dub: signed with the configured key, or one line that says why not."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from assets.media.encode import write_web_video
from pipelines.dubbing import content_credentials
from pipelines.dubbing.content_credentials import (
    CERTIFICATES_VARIABLE,
    KEY_VARIABLE,
    configured_key,
    manifest_of,
    sign_video,
)
from pipelines.dubbing.provenance import Origin

ORIGIN = Origin(
    dub_id="d" * 32,
    dataset="grid",
    method="cals",
    weights_sha256="w" * 64,
    video_sha256="v" * 64,
    audio_sha256="a" * 64,
)


def write_key(folder: Path) -> tuple[Path, Path]:
    """A key on P-256 with a certificate by a test authority; paths of key and chain."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, who),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "made"),
            ]
        )
        for who in ("authority", "signer")
    ]
    certificates = []
    for subject, key, is_authority in ((names[0], authority, True), (names[1], own, False)):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                    key_agreement=False, key_cert_sign=is_authority, crl_sign=False, encipher_only=False, decipher_only=False,
                ),
                critical=True,
            )
        )  # fmt: skip
        if not is_authority:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        certificates.append(builder.sign(authority, hashes.SHA256()))
    key_path, chain_path = folder / "key.pem", folder / "chain.pem"
    key_path.write_bytes(
        own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    chain_path.write_bytes(
        b"".join(one.public_bytes(serialization.Encoding.PEM) for one in reversed(certificates))
    )
    return key_path, chain_path


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY_VARIABLE, CERTIFICATES_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def test_without_a_key_there_is_none() -> None:
    assert configured_key() is None


def test_a_wrong_configuration_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, chain = write_key(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    with pytest.raises(ValueError, match=f"{CERTIFICATES_VARIABLE} is not set: .* set both or none"):
        configured_key()
    monkeypatch.setenv(CERTIFICATES_VARIABLE, str(chain))
    monkeypatch.setattr(content_credentials, "installed_version", lambda name: "not installed")
    with pytest.raises(ValueError, match=r"c2pa-python is not installed: pip install '.\[c2pa\]'"):
        configured_key()
    monkeypatch.setattr(content_credentials, "installed_version", lambda name: "0.38.1")
    found = configured_key()
    assert found is not None and found.algorithm == "es256"
    monkeypatch.setenv(KEY_VARIABLE, str(chain))
    with pytest.raises(ValueError, match="not an unencrypted private key"):
        configured_key()
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "none.pem"))
    with pytest.raises(ValueError, match="not a readable PEM file"):
        configured_key()


def test_the_manifest_says_that_it_is_synthetic() -> None:
    action, dub = manifest_of(ORIGIN)["assertions"]
    assert action["data"]["actions"][0]["digitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert dub["data"]["model_weights_sha256"] == "w" * 64 and dub["data"]["ledger_row"] == "dubs/" + "d" * 32


@pytest.mark.skipif(importlib.util.find_spec("c2pa") is None, reason="c2pa-python is an extra")
def test_a_signed_video_carries_its_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import c2pa

    key, chain = write_key(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    monkeypatch.setenv(CERTIFICATES_VARIABLE, str(chain))
    frames = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3)).astype(np.uint8)
    path, signed = tmp_path / "video.mp4", tmp_path / "signed.mp4"
    write_web_video(path, frames, np.zeros(3_200, np.int16))
    found = configured_key()
    assert found is not None
    sign_video(path, signed, ORIGIN, found)
    with signed.open("rb") as file, c2pa.Reader("video/mp4", file) as reader:
        manifests = json.loads(reader.json())
    manifest = manifests["manifests"][manifests["active_manifest"]]
    assert manifest["signature_info"]["issuer"] == "made"
    labels = {assertion["label"]: assertion["data"] for assertion in manifest["assertions"]}
    assert labels["org.cals.dub"]["video_sha256"] == "v" * 64
    problems = {row["code"] for row in manifests.get("validation_status", [])}
    assert problems <= {"signingCredential.untrusted"}, problems
