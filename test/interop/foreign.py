"""Starts other servers, for the scripts that move objects between them and a node."""

import contextlib
import json
import os
import select
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("medallion", "opentaxii")


class Server:
    """A running server of somebody else: url of its API root, user, password, token (may
    be None), collections (ids by name), directory."""

    def __init__(self, kind, about, directory):
        self.kind, self.directory = kind, directory
        self.url, self.user, self.password = about["url"], about["user"], about["password"]
        self.token, self.collections = about.get("token"), about["collections"]

    def objects(self, name):
        """The address of a collection's objects."""
        return f"{self.url}collections/{self.collections[name]}/objects/"


@contextlib.contextmanager
def running(kind, names, seconds=120):
    """Runs a server with collections of those names. It is gone at the end of the block,
    when this process ends however it ends, and after so many seconds at the latest."""
    python = os.path.join(HERE, "..", "..", ".cache", "venv-" + kind, "bin", "python")
    if not os.path.exists(python):
        raise AssertionError(f"no {python}; run test/setup.sh")
    with tempfile.TemporaryDirectory() as directory, open(os.path.join(directory, "log"), "w", encoding="utf-8") as log:
        with subprocess.Popen([python, os.path.join(HERE, "foreign_server.py"), kind, directory, str(seconds), *names],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True) as process:
            try:
                line = first_line(process, 30)
                if not line:
                    with open(log.name, encoding="utf-8") as said:
                        raise AssertionError(f"{kind} does not start:\n{said.read()[-3000:]}")
                yield Server(kind, json.loads(line), directory)
            finally:
                process.kill()


def first_line(process, seconds):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""
