"""Exports the ledger of the node that the other scripts have used, and checks it with code
that shares nothing with it: ledger_reference.py, and what docs/ledger.md shows. Both must
find it sound, and neither if a byte of it is another one."""

import os
import random
import re
import subprocess
import sys
import tempfile

import ledger_reference
from checks import arguments, check, equal, true
from realdata import Node

FLIPS = 60


def of_guide(language):
    """A block of docs/ledger.md."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../docs/ledger.md"), encoding="utf-8") as file:
        _, _, part = file.read().partition("\n## With public tools alone\n")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", part, re.M | re.S)
    equal(len(blocks), 1, f"blocks of {language} in docs/ledger.md")
    return blocks[0]


def shown(command, directory):
    """What a block of the guide prints in the directory of an export, None if it fails."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout if done.returncode == 0 else None


def sound(directory):
    try:
        return ledger_reference.Export(directory)
    except (ledger_reference.Unsound, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def small(node, directory):
    """The first export is large; each flip reads all of it. A node of its own has a small one."""
    env = {**os.environ, "ENTENTE_DATA": os.path.join(directory, "data"), "ENTENTE_DB": ""}
    path = os.path.join(directory, "small")
    node.text("collection", "add", "Phishing", env=env)
    node.text("account", "add", "ann", env=env)
    node.run("ledger", "export", path, env=env)
    return path


def main():
    parser = arguments(__doc__)
    parser.add_argument("--entente", required=True, help="the program")
    node = Node(parser.parse_args())
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "export")
        node.run("ledger", "export", path)
        with check("the node, its export, and a reference of our own agree"):
            said = node.run("ledger", "verify", path)
            found = sound(path)
            true(found, "the reference finds the export unsound: run ledger_reference.py on it")
            equal((found.count, len(found.feeds), found.deliveries), (said["entries"], said["feeds"], said["deliveries"]), "events, feeds, deliveries")
            equal(sum(len(feed.lines) for feed in found.feeds.values()), said["feedEntries"], "entries of feeds")
            true(found.deliveries > 5 and found.count > 100, "that is little to check")
        blocks = {"sh": ["bash", "-c", of_guide("sh")], "python": [sys.executable, "-c", of_guide("python")]}
        with check("what the guide shows finds it sound"):
            for language, command in blocks.items():
                true("fine" in (shown(command, path) or ""), f"the block of {language} fails")
        path = small(node, directory)
        files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        with check(f"{FLIPS} bytes that are others: each is found by the node and by the reference"):
            true(sound(path), "it is unsound as it is")
            draw = random.Random(20261125)
            for number in range(FLIPS):
                name = files[number % len(files)]
                with open(name, "rb") as file:
                    data = file.read()
                at, bit = draw.randrange(len(data)), 1 << draw.randrange(8)
                with open(name, "wb") as file:
                    file.write(data[:at] + bytes([data[at] ^ bit]) + data[at + 1:])
                done = subprocess.run([node.binary, "ledger", "verify", path], capture_output=True, check=False, timeout=60)
                equal((done.returncode, sound(path)), (6, None), f"byte {at} of {name}")
                with open(name, "wb") as file:
                    file.write(data)
            true(sound(path), "it is not what it was")
        with check("what the guide shows finds a byte of a bundle, and of a checkpoint"):
            for name in files:
                if "/1/main/tile/entries/" not in name and not name.endswith("/1/main/checkpoint"):
                    continue
                with open(name, "rb") as file:
                    data = file.read()
                with open(name, "wb") as file:
                    file.write(data[:-1] + bytes([data[-1] ^ 1]))
                equal([shown(command, path) for command in blocks.values()].count(None) > 0, True, f"a fault found in {name}")
                with open(name, "wb") as file:
                    file.write(data)


if __name__ == "__main__":
    main()
