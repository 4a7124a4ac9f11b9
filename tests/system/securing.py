# SPDX-License-Identifier: Apache-2.0
"""A deployment with two tenants, and a client for each role."""

from controlling import Bearer, Controller, Tls
from test_api_tls import ADDRESS, Authority, free_port


class World:
    """Two tenants with the same names in them, on one host; a client for each role."""

    def __init__(self, binary, folder):
        self.authority = Authority(folder)
        certificate, key = self.authority.issue("server", "cn = weft-controller", f"ip_address = {ADDRESS}",
                                                "tls_www_server", "signing_key")
        self.address = f"{ADDRESS}:{free_port()}"
        self.controller = Controller(binary, folder, "--listen", self.address, "--cert", certificate, "--key", key,
                                     "--ca", self.authority.certificate)
        self.folder = folder
        self.anonymous = Tls(self.address, self.authority.certificate)
        self.clients = {
            "admin": self.controller,
            "reader": self.token("everything", role="reader"),
            "tenant-admin": self.fill_and_token(),
            "tenant-reader": self.token("acme-reader", role="reader", tenants=["acme"]),
            "host": self.certificate("weft-host:h1"),
            "relay": self.certificate("weft-relay:r1"),
            "controller": self.certificate("weft-controller"),
            "nobody": self.certificate("somebody"),
        }

    def certificate(self, name):
        files = self.authority.issue(name.replace(":", "-"), f"cn = {name}", "tls_www_client", "signing_key")
        return Tls(self.address, self.authority.certificate, *files)

    def token(self, name, **fields):
        if "tenants" in fields:
            for tenant in fields["tenants"]:
                self.controller.put(f"/v1/tenants/{tenant}", {})
        return Bearer(self.anonymous, self.controller.must("POST", f"/v1/tokens/{name}/issue", fields)["token"])

    def fill_and_token(self):
        must = self.controller.must
        must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1", "labels": {"rack": "secret-rack"}})
        for tenant in ("acme", "umbrella"):
            must("PUT", f"/v1/tenants/{tenant}", {"description": f"{tenant} secret"})
            must("PUT", f"/v1/tenants/{tenant}/networks/web", {"subnets": ["10.0.0.0/24"]})
            must("PUT", f"/v1/tenants/{tenant}/ports/p1",
                 {"network": "web", "host": "h1", "device": f"{tenant}-p1", "labels": {"of": tenant}})
            must("PUT", f"/v1/tenants/{tenant}/policies/front", {"rules": [{"action": "allow"}]})
        return self.token("acme-admin", role="tenant-admin", tenants=["acme"])
