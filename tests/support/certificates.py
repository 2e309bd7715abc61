"""Certificates of a made-up authority, as an operator would make them with openssl."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """Signs certificates, which it leaves in a folder."""

    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    path: Path

    def sign(self, common_name: str) -> tuple[Path, Path]:
        """Return a new certificate and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _certificate(_named(common_name), self.name, key.public_key(), self.key, ca=False)
        return (
            _write(self.folder / f"{common_name}.pem", cert.public_bytes(_PEM)),
            _write(self.folder / f"{common_name}.key", _private(key)),
        )


_PEM = serialization.Encoding.PEM


def make_authority(folder: Path, name: str = "authority") -> Authority:
    """Make an authority; its certificate is `path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    cert = _certificate(_named(name), _named(name), key.public_key(), key, ca=True)
    path = _write(folder / f"{name}.pem", cert.public_bytes(_PEM))
    return Authority(folder, _named(name), key, path)


def _certificate(subject, issuer, public, signer, *, ca):
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _private(key):
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path, content):
    path.write_bytes(content)
    return path
