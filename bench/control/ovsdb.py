# SPDX-License-Identifier: Apache-2.0
"""A client of ovsdb-server (RFC 7047) as thin as can be, so that what is timed is the server and not the client."""

import json
import select
import socket
import time


class Database:
    def __init__(self, path, name):
        self.name, self.socket, self.text, self.numbers = name, socket.socket(socket.AF_UNIX), "", 0
        self.decoder, self.updates = json.JSONDecoder(), []
        self.socket.connect(str(path))

    def close(self):
        self.socket.close()

    def _send(self, message):
        self.socket.sendall(json.dumps(message).encode())

    def _receive(self, seconds):
        """The next message that is no echo; None when the time is over."""
        end = time.monotonic() + seconds
        while True:
            try:
                message, length = self.decoder.raw_decode(self.text)
            except ValueError:
                if not select.select([self.socket], [], [], max(end - time.monotonic(), 0))[0]:
                    return None
                part = self.socket.recv(1 << 20).decode()
                if not part:
                    raise RuntimeError(f"ovsdb-server of {self.name} is gone")
                self.text += part
                continue
            self.text = self.text[length:]
            if message.get("method") == "echo":
                self._send({"result": message["params"], "error": None, "id": message["id"]})
            elif message.get("method"):
                self.updates.append(message)
                return message
            else:
                return message

    def call(self, method, params, seconds=600):
        self.numbers += 1
        self._send({"method": method, "params": params, "id": self.numbers})
        while True:
            message = self._receive(seconds)
            if message is None:
                raise RuntimeError(f"ovsdb-server of {self.name} does not answer {method}")
            if message.get("id") == self.numbers and "result" in message:
                if message.get("error"):
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def transact(self, operations):
        results = self.call("transact", [self.name, *operations])
        for result in results:
            if result and result.get("error"):
                raise RuntimeError(f"{result['error']}: {result.get('details')}")
        return results

    def monitor(self, table, columns):
        return self.call("monitor", [self.name, None, {table: [{"columns": columns}]}])

    def next_update(self, seconds):
        """The rows of the next update of what is monitored, {table: {uuid: {"new": …}}}; None: there was none in time."""
        end = time.monotonic() + seconds
        while not self.updates:
            if time.monotonic() > end or (self._receive(end - time.monotonic()) is None):
                return None
        return self.updates.pop(0)["params"][1]


def many(values):
    return ["set", list(values)]


def fields(values):
    return ["map", [[key, value] for key, value in values.items()]]
