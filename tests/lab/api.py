# SPDX-License-Identifier: Apache-2.0
"""The REST API over the controller's Unix socket."""

import http.client
import json
import socket
import time
from urllib.parse import quote


class ApiError(Exception):
    """A problem document (RFC 9457)."""

    def __init__(self, status, problem):
        self.status, self.problem = status, problem
        super().__init__(f"{status}: {problem.get('object', '')} {problem.get('field', '')} {problem.get('detail')}")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("weft", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    def __init__(self, path):
        self.path = path

    def request(self, method, path, body=None, timeout=60):
        """Status and decoded body, whatever the status."""
        connection = _Connection(self.path, timeout)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def call(self, method, path, body=None, timeout=60):
        status, answer = self.request(method, path, body, timeout)
        if status >= 400:
            raise ApiError(status, answer or {})
        return answer

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def port(self, tenant, name):
        return self.get(f"/v1/tenants/{quote(tenant)}/ports/{quote(name)}")

    def attach(self, tenant, name, host, device):
        return self.call("POST", f"/v1/tenants/{quote(tenant)}/ports/{quote(name)}/attach",
                         {"host": host, "device": device})

    def detach(self, tenant, name):
        return self.call("POST", f"/v1/tenants/{quote(tenant)}/ports/{quote(name)}/detach", {})

    def transaction(self, operations):
        return self.call("POST", "/v1/transactions", {"operations": operations})

    def revision(self):
        return self.get("/v1/status")["revision"]

    def receipt(self, revision, seconds=60):
        return self.get(f"/v1/revisions/{revision}?wait={seconds}s", timeout=seconds + 30)

    def wait_for(self, path, judge, seconds=60):
        """Read an object until `judge` is content with it; the last one read, content or not."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get(path)
            if judge(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)
