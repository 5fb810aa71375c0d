"""A C2PA manifest in a dubbed video, signed with the user's key: a verifiable statement of who generated it.

The key and its certificates are configured by two environment variables, each the path of a PEM file: CALS_C2PA_KEY and
CALS_C2PA_CERTIFICATES (the signer's certificate first). The library is the official one, c2pa-python; it is an extra,
since its 50 MB are needed only with a key.

Source: C2PA specification 2.1 (actions, digital source types); IPTC's vocabulary of digital source types.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.project.installed import installed_version
from pipelines.dubbing.provenance import Origin, tool_version

KEY_VARIABLE, CERTIFICATES_VARIABLE = "CALS_C2PA_KEY", "CALS_C2PA_CERTIFICATES"
LIBRARY = "c2pa-python"
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key that manifests are signed with.

    Args:
        algorithm: es256, es384, es512, ps256 or ed25519.
        key_pem, certificates_pem: texts of the files.
    """

    algorithm: str
    key_pem: str
    certificates_pem: str


def configured_key() -> SigningKey | None:
    """The key that is configured; None if there is none.

    Raises:
        ValueError: only one of the two files is named, one can't be read or used, or the library is not installed.
    """
    named = {name: os.environ.get(name, "") for name in (KEY_VARIABLE, CERTIFICATES_VARIABLE)}
    if not any(named.values()):
        return None
    if not all(named.values()):
        lacking = next(name for name, path in named.items() if not path)
        raise ValueError(
            f"{lacking} is not set: a C2PA manifest needs a key and its certificates; set both or none"
        )
    if installed_version(LIBRARY) == "not installed":
        raise ValueError(
            f"{KEY_VARIABLE} is set, but {LIBRARY} is not installed: pip install '.[c2pa]', or unset it to dub without a "
            "C2PA manifest"
        )
    texts = {}
    for name, path in named.items():
        try:
            texts[name] = Path(path).expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: {path}: not a readable PEM file ({error}); give one") from error
    key = texts[KEY_VARIABLE]
    return SigningKey(algorithm=_algorithm(key), key_pem=key, certificates_pem=texts[CERTIFICATES_VARIABLE])


def _algorithm(key_pem: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(key_pem.encode("ascii"), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{KEY_VARIABLE}: not an unencrypted private key in PEM ({error}); give one"
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    by_bits = {256: "es256", 384: "es384", 521: "es512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in by_bits:
        return by_bits[key.curve.key_size]
    raise ValueError(
        f"{KEY_VARIABLE}: C2PA signs with ECDSA (P-256, P-384, P-521), RSA or Ed25519; give such a key"
    )


def manifest_of(origin: Origin) -> dict[str, Any]:
    """The manifest: this program, the trained model, the files."""
    facts = origin.facts()
    return {
        "claim_generator_info": [{"name": "cals", "version": tool_version()}],
        "format": "video/mp4",
        "title": "Synthetic video: dubbed",
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": SYNTHETIC,
                            "description": "The mouth was generated to follow the audio.",
                        }
                    ]
                },
            },
            {"label": "org.cals.dub", "data": facts},
        ],
    }


def sign_video(path: Path, signed: Path, origin: Origin, key: SigningKey) -> None:
    """Writes a copy of a video that carries the signed manifest.

    Raises:
        ValueError: the key and the certificates can't sign; the message quotes the library.
    """
    import json

    import c2pa

    chain, private = key.certificates_pem.encode("ascii"), key.key_pem.encode("ascii")
    info = c2pa.C2paSignerInfo(alg=key.algorithm, sign_cert=chain, private_key=private, ta_url=None)
    try:
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(json.dumps(manifest_of(origin))) as builder,
            path.open("rb") as source,
            signed.open("w+b") as target,
        ):
            builder.sign(signer, "video/mp4", source, target)
    except c2pa.C2paError as error:
        raise ValueError(
            f"{KEY_VARIABLE}, {CERTIFICATES_VARIABLE}: no manifest could be signed with them: {error}"
        ) from error
