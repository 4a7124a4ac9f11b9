# SPDX-License-Identifier: Apache-2.0
"""A laboratory with several controllers on one store: all in the controllers' namespace, with etcd beside them."""

import time

from .api import Api
from .etcd import Etcd, Place
from .fabric import API_PORT, CONTROLLER, Lab
from .shell import LabError, run


class Controller:
    def __init__(self, lab, number):
        self.lab, self.name = lab, f"controller-{number}"
        self.socket = lab.folder / f"{self.name}.sock"
        self.api = Api(self.socket)
        address = lab.underlay_address(CONTROLLER)
        self.listen = f"[{address}]:{API_PORT + number}" if ":" in address else f"{address}:{API_PORT + number}"
        self.url = f"https://{self.listen}"
        self.process = None

    def start(self):
        lab = self.lab
        certificate, key = lab.certificate("weft-controller", lab.underlay_address(CONTROLLER))
        self.process = lab.spawn(self.name, lab.controller_namespace.words(
            lab.binary, "controller", "--store", lab.etcd.url, "--socket", self.socket, "--listen", self.listen,
            "--cert", certificate, "--key", key, "--ca", lab.authority.certificate))
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.api.get("/v1/status")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise LabError(f"{self.name} did not start:\n{self.lab.log(self.name)}") from None
                time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def weft(self, *words, **options):
        """The command line, on this controller's socket."""
        return run(self.lab.binary, *words, "--controller", f"unix:{self.socket}", **options)

    def hosts(self):
        """How many hosts are connected to it."""
        return self.api.get("/v1/status")["controllers"][0]["hosts"]


class SeveralControllers(Lab):
    """`api` and `weft` speak to the first one; agents know all."""

    def __init__(self, controllers=2, **options):
        super().__init__(**options)
        self._count, self.controllers = controllers, []

    def start_controller(self):
        def launch(words, **options):
            return self.record.process(self.controller_namespace.popen(words, **options))

        if not self.controllers:
            self.etcd = Etcd(self.folder, places=[
                Place(launch=launch, entered=self.controller_namespace.entered, ports=(2379, 2380))])
            for member in self.etcd.members:
                member.start()
            self.etcd.wait_ready()
            self.controllers = [Controller(self, number) for number in range(1, self._count + 1)]
        for controller in self.controllers:
            controller.start()
        self.controller, self.api, self.socket = (getattr(self.controllers[0], name)
                                                  for name in ("process", "api", "socket"))
        self.url = ",".join(controller.url for controller in self.controllers)
