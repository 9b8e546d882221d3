"""Measures Entente, medallion and OpenTAXII beside each other, over HTTP on loopback, with
one client and the same objects: intake in envelopes of 1,000, and pages of 100, the first
and the last. Prints a table, with ratios to Entente.

Each sign-in is the cheapest that the server has: a token for Entente and OpenTAXII,
medallion's plain password. Entente and OpenTAXII store on SQLite, medallion keeps all in
memory. Every measurement is bounded; where a bound was reached the table says so with ">",
and that the last page, to which the ones before it lead, was not reached."""

import argparse
import base64
import contextlib
import http.client
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid

import foreign
from checks import MEDIA_TYPE

ENVELOPE, PAGE = 1000, 100
SIZE = 900  # bytes of an object, near enough


def indicators(count):
    rng = random.Random(count)
    for n in range(count):
        text = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz     ") for _ in range(SIZE - 430))
        host = f"host-{n}.example.com"
        yield {"type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.UUID(int=rng.getrandbits(128), version=4)}",
               "created": "2026-01-01T00:00:00.000Z", "modified": f"2026-01-{1 + n % 28:02d}T00:{n // 60 % 60:02d}:{n % 60:02d}.{n % 1000:03d}Z",
               "name": f"indicator {n}", "description": text, "indicator_types": ["malicious-activity"], "labels": ["bench"], "confidence": n % 100,
               "pattern": f"[domain-name:value = '{host}']", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z"}


def envelopes(count):
    objs = list(indicators(count))
    return [json.dumps({"objects": objs[n:n + ENVELOPE]}).encode() for n in range(0, count, ENVELOPE)]


class Late(Exception):
    """The bound of a measurement was reached."""


class Client:
    """One connection, kept where the server keeps it."""

    def __init__(self, url, authorization):
        at = urllib.parse.urlsplit(url)
        self.connection, self.path = http.client.HTTPConnection(at.hostname, at.port), at.path
        self.headers = {"Accept": MEDIA_TYPE, "Authorization": authorization}

    def ask(self, method, query, within, body=None):
        """Gives the seconds that it took and the answer."""
        self.connection.timeout = max(within, 0.001)
        if self.connection.sock:
            self.connection.sock.settimeout(self.connection.timeout)
        headers = self.headers | ({"Content-Type": MEDIA_TYPE} if body else {})
        began = time.perf_counter()
        try:
            self.connection.request(method, self.path + query, body, headers)
            response = self.connection.getresponse()
            text = response.read()
        except TimeoutError as err:
            self.connection.close()
            raise Late() from err
        took = time.perf_counter() - began
        if response.status not in (200, 202):
            raise AssertionError(f"{method} {self.path + query}: {response.status} {text[:300]}")
        return took, json.loads(text)

    def page(self, within, following=None):
        query = {"limit": PAGE} | ({"next": following} if following else {})
        return self.ask("GET", "?" + urllib.parse.urlencode(query), within)


def intake(client, bodies, bound):
    """Objects per second, and how many were taken. The envelope that reaches the bound is
    waited for, since the server would go on with it."""
    taken, spent = 0, 0.0
    for body in bodies:
        if spent < bound:
            took, status = client.ask("POST", "", 5 * bound, body)
            taken, spent = taken + status["success_count"], spent + took
    return taken / spent, taken


def first_pages(client, times, bound):
    took = []
    try:
        while len(took) < times and sum(took) < bound:
            seconds, page = client.page(bound - sum(took))
            took.append(seconds)
            if len(page["objects"]) != PAGE:
                raise AssertionError(f"a page of {len(page['objects'])}")
    except Late:
        return took or [float("inf")]
    return took


def last_pages(client, count, times, bound):
    """Goes to the last page by the cursors, and asks for it again where the cursor is still
    good for it; elsewhere a walk gives but one figure. None if it was not reached."""
    took, end, following, seen = [], time.monotonic() + bound, None, 0
    try:
        while True:
            seconds, page = client.page(end - time.monotonic(), following)
            seen += len(page["objects"])
            if not page.get("more"):
                break
            again = page["next"] == following
            following = page["next"]
        if seen != count:
            raise AssertionError(f"{seen} objects in all pages of {count}")
        took.append(seconds)
        while not again and len(took) < times and time.monotonic() < end:
            took.append(client.page(end - time.monotonic(), following)[0])
    except Late:
        pass
    return took


@contextlib.contextmanager
def entente(binary, names):
    with tempfile.TemporaryDirectory() as directory:
        env = {k: v for k, v in os.environ.items() if not k.startswith("ENTENTE_")} | {"ENTENTE_DATA": directory}

        def run(*words):
            return json.loads(subprocess.run([binary, *words, "--json"], env=env, check=True, capture_output=True, timeout=60,
                                             stdin=subprocess.DEVNULL).stdout)
        ids = {name: run("collection", "add", name)["id"] for name in names}
        subprocess.run([binary, "account", "add", "bench", "--service", "--password-stdin"], env=env, check=True, input=b"a password of bench\n",
                       stdout=subprocess.DEVNULL, timeout=60)
        for name in names:
            run("grant", "bench", name, "read,write")
        token = run("account", "token", "bench")["token"]
        with open(os.path.join(directory, "serve.log"), "wb") as log, subprocess.Popen(
                [binary, "serve", "--http", "--listen", "127.0.0.1:0", "--log-level", "warn"], env=env, stdout=subprocess.PIPE, stderr=log) as process:
            try:
                url = address(process)
                yield {name: Client(f"{url}/api1/collections/{ids[name]}/objects/", "Bearer " + token) for name in names}
            finally:
                process.kill()


def address(process):
    """The URL that the node prints when it is ready."""
    for line in process.stdout:
        for word in line.decode().split():
            if word.startswith("http://127.0.0.1:"):
                return word.rstrip("/.").removesuffix("/taxii2")
    raise AssertionError("the node does not start")


@contextlib.contextmanager
def other(kind, names, bound):
    with foreign.running(kind, names, seconds=20 * bound * len(names)) as server:
        authorization = "Bearer " + server.token if server.token else \
            "Basic " + base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        yield {name: Client(server.objects(name), authorization) for name in names}


def measure(clients, bodies, args):
    """Gives per count (rate, taken, first pages, last pages)."""
    out = {}
    for count in args.objects:
        client = clients[str(count)]
        rate, taken = intake(client, bodies[count], args.bound)
        first = first_pages(client, args.times, args.bound)
        last = last_pages(client, taken, args.times, args.bound) if first[0] < args.bound else []
        out[count] = rate, taken, first, last
        print(f"  {count} objects done", file=sys.stderr, flush=True)
    return out


def milliseconds(took, bound):
    """Median and 99th percentile, the latter the slowest where there are fewer than 100."""
    if not took:
        return ["not reached", ""]
    if took[0] == float("inf"):
        return [f"> {1000 * bound:,.0f}", ""]
    late = sorted(took)[min(len(took) - 1, int(0.99 * len(took)))]
    return [f"{1000 * x:,.1f}" for x in (statistics.median(took), late)]


def ratio(took, base, bound):
    if not took or not base:
        return ""
    value, base = statistics.median(took), statistics.median(base)
    if value == float("inf"):
        return f"> {bound / base:,.0f}"
    return f"{value / base:,.2f}" if value / base < 10 else f"{value / base:,.0f}"


def table(results, args):
    rows = [["server", "objects", "intake/s", "ratio", "first page, ms", "p99", "ratio", "last page, ms", "p99", "ratio"]]
    for name, result in results.items():
        for count, (rate, taken, first, last) in result.items():
            base = results["entente"][count]
            rows.append([name, f"{taken:,}" + ("" if taken == count else f" of {count:,}"), f"{rate:,.0f}", ratio([rate], base[:1], 0),
                         *milliseconds(first, args.bound), ratio(first, base[2], args.bound),
                         *milliseconds(last, args.bound), ratio(last, base[3], args.bound)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entente", required=True, help="the program")
    parser.add_argument("--objects", type=int, nargs="+", default=[2000, 10000], help="sizes of collections, in whole envelopes of 1,000 (2000 10000)")
    parser.add_argument("--bound", type=float, default=60, help="the most seconds of one measurement (60)")
    parser.add_argument("--times", type=int, default=200, help="how often a page is asked for, within the bound (200)")
    args = parser.parse_args()
    if any(count <= 0 or count % ENVELOPE or count > 100_000 for count in args.objects):
        parser.error("--objects are thousands, up to 100000")
    bodies = {count: envelopes(count) for count in args.objects}
    names = [str(count) for count in args.objects]
    results = {}
    for name in ("entente", *foreign.KINDS):
        print(name, file=sys.stderr, flush=True)
        with entente(args.entente, names) if name == "entente" else other(name, names, args.bound) as clients:
            results[name] = measure(clients, bodies, args)
    size = sum(map(len, bodies[args.objects[0]])) / args.objects[0]
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}; objects of {size:.0f} bytes, pages of {PAGE}, ratios to Entente")
    table(results, args)


if __name__ == "__main__":
    main()
