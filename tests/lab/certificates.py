# SPDX-License-Identifier: Apache-2.0
"""A private authority, and certificates for the controller and each host."""

from .shell import run


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
            "-subj", "/CN=weft-lab", "-keyout", self._key, "-out", self.certificate)

    def issue(self, name, address=None):
        """(certificate, key) for this common name; `address`: where a server listens."""
        stem = name.replace(":", "-")
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        extension = ["-addext", f"subjectAltName=IP:{address}"] if address else []
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
            "-subj", f"/CN={name}", "-CA", self.certificate, "-CAkey", self._key,
            "-addext", "basicConstraints=critical,CA:FALSE", *extension, "-keyout", key, "-out", certificate)
        return certificate, key
