"""Checks an export of a ledger with nothing but Python's standard library, by what
docs/ledger.md and docs/design/017-ledger.md say of its files: python3 ledger_reference.py DIR.
It shares no code with the product."""

import base64
import hashlib
import json
import os
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519 (RFC 8032 section 5.1.7), verification alone.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    w, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = v - u, z - w, z + w, v + u
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, a):
    out = (0, 1, 1, 0)
    while n > 0:
        if n & 1:
            out = add(out, a)
        a, n = add(a, a), n >> 1
    return out


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or x == 0 and sign:
        raise ValueError("no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    try:
        a, r = point(key), point(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(r, times(k, a))
    return s < ORDER and not (left[0] * right[2] - right[0] * left[2]) % P and not (left[1] * right[2] - right[1] * left[2]) % P


# Trees (RFC 6962 section 2.1).

def leaf(data):
    return sha256(b"\0", data)


def tree(hashes):
    """The root over hashes of leaves."""
    if not hashes:
        return sha256()
    while len(hashes) > 1:
        pairs = [sha256(b"\1", hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2:]
    return hashes[0]


class Unsound(Exception):
    """Something does not fit."""


def need(condition, what):
    if not condition:
        raise Unsound(what)


def unhex(text, length):
    need(isinstance(text, str) and len(text) == 2 * length and text == text.lower(), f"{text!r} is no hexadecimal of {length} bytes")
    return bytes.fromhex(text)


def note(data, name, keys):
    """The text of a signed note (C2SP signed-note) and which of the keys has signed it."""
    text, _, lines = data.decode().partition("\n\n")
    text += "\n"
    by = set()
    need(lines.endswith("\n"), "the signatures end within a line")
    for line in lines[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        need(dash == "\u2014" and base64.b64encode(raw).decode() == encoded, "no line of a signature")
        for number, key in enumerate(keys):
            if signer == name and raw[:4] == sha256(name.encode(), b"\n\1", key)[:4]:
                need(signed(key, text.encode(), raw[4:]), "a signature is wrong")
                by.add(number)
    need(by, "no key of the log has signed this")
    return text, by


def path_of(number):
    out = f"{number % 1000:03}"
    while number := number // 1000:
        out = f"x{number % 1000:03}/{out}"
    return out


def spans(text):
    """1-100,103 as numbers."""
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


class Log:
    """One log of an export: its entries, and its events, None where they were erased."""

    def __init__(self, export, epoch, about):
        self.origin, self.partner = about["origin"], about["partner"]
        self.directory = os.path.join(export.directory, str(epoch["epoch"]), self.partner or "main")
        self.checkpoint = export.read(os.path.relpath(os.path.join(self.directory, "checkpoint"), export.directory))
        keys = [unhex(k["key"], 32) for k in epoch["keys"]]
        text, by = note(self.checkpoint, self.origin, keys)
        origin, size, root = text.split("\n")[:3]
        need(origin == self.origin and str(int(size)) == size, f"{self.origin}: another checkpoint")
        self.size = int(size)
        if not self.partner:
            need(max(i for i, k in enumerate(epoch["keys"]) if i == 0 or k["from"] < self.size) in by, f"{self.origin}: signed by another key")
        self.entries, self.events, self.at = [], [], {}
        for number in range(-(-self.size // 256)):
            self.bundle(number, min(256, self.size - 256 * number))
        self.hashes = [leaf(e) for e in self.entries]
        level, row = 0, self.hashes
        while row:
            for number in range(-(-len(row) // 256)):
                part = row[256 * number:256 * number + 256]
                need(self.file(f"tile/{level}", number, len(part)) == b"".join(part), f"{self.origin}: tile {number} of level {level}")
            row = [tree(row[i:i + 256]) for i in range(0, len(row) - 255, 256)]
            level += 1
        need(base64.b64encode(tree(self.hashes)).decode() == root, f"{self.origin}: the root")

    def file(self, kind, number, width):
        name = os.path.join(self.directory, kind, path_of(number) + (f".p/{width}" if width < 256 else ""))
        with open(name, "rb") as file:
            return file.read()

    def bundle(self, number, width):
        data = self.file("tile/entries", number, width)
        need(len(data) == 34 * width, f"{self.origin}: the length of bundle {number}")
        lines = self.file("events", number, width).split(b"\n")
        need(len(lines) == width + 1 and not lines[-1], f"{self.origin}: the events of bundle {number}")
        for i in range(width):
            length, entry = data[34 * i:34 * i + 2], data[34 * i + 2:34 * i + 34]
            need(length == b"\0\x20", f"{self.origin}: the length of an entry")
            event = self.event(lines[i], entry)
            self.at[entry] = len(self.entries)
            self.entries.append(entry)
            self.events.append(event)

    def event(self, line, entry):
        if line == b'{"erased":true}':
            return None
        head, middle = b'{"salt":"', b'","event":'
        need(line.startswith(head) and line[73:83] == middle and line.endswith(b"}"), f"{self.origin}: the form of a line")
        salt, raw = unhex(line[9:73].decode(), 32), line[83:-1]
        need(sha256(salt, raw) == entry, f"{self.origin}: an event is not that of entry {len(self.entries)}")
        event = json.loads(raw)
        need(json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == raw, f"{self.origin}: an event that is not canonical")
        need(event.get("for", "") == self.partner, f"{self.origin}: an event for somebody else")
        return event


class Feed:
    """A release feed, and what events have told of it."""

    def __init__(self, data):
        head, *lines = data.decode().splitlines()
        head = json.loads(head)
        self.id, self.head = head["feed"], head["head"]
        self.lines, self.order, self.covered, self.gone, self.staged = {}, [], 0, set(), []
        for line in map(json.loads, lines):
            commitment = unhex(line["commitment"], 32)
            if "digest" in line:
                need(sha256(unhex(line["salt"], 16), unhex(line["digest"], 32)) == commitment, f"feed {self.id}: the commitment of entry {line['seq']}")
            need(not self.order or line["seq"] > self.order[-1], f"feed {self.id}: the order of its entries")
            self.order.append(line["seq"])
            self.lines[line["seq"]] = (line["gone"], commitment)

    def root(self, seqs):
        return tree([leaf(seq.to_bytes(8, "big") + self.lines[seq][1]) for seq in seqs]).hex()

    def judge(self, event):
        entered, left = event.get("entries"), event.get("gone")
        if entered:
            seqs = [seq for seq in self.order if self.covered < seq <= entered["to"]]
            need(seqs and seqs[0] >= entered["from"] > self.covered, f"feed {self.id}: what is covered")
            need((len(seqs), self.root(seqs)) == (entered["count"], entered["root"]), f"feed {self.id}: entries {entered['from']} to {entered['to']}")
            self.covered = entered["to"]
        if left:
            seqs = list(spans(left["seqs"]))
            need(all(seq in self.lines and self.lines[seq][0] and seq not in self.gone for seq in seqs), f"feed {self.id}: what is gone")
            need((len(seqs), self.root(seqs)) == (left["count"], left["root"]), f"feed {self.id}: what is gone")
            self.gone.update(seqs)

    def deliver(self, event):
        seqs = list(spans(event.get("seqs", "")))
        need(all(seq in self.lines and seq <= event["head"] <= self.head and not 0 < self.lines[seq][0] <= event["head"] for seq in seqs),
             f"feed {self.id}: a delivery of what it did not have")
        need(len(seqs) == event.get("count", 0) and sha256(*(self.lines[seq][1] for seq in seqs)).hex() == event["list"], f"feed {self.id}: a delivery")

    def rest(self):
        for seq, (gone, _) in self.lines.items():
            need(seq <= self.covered and (not gone or seq in self.gone), f"feed {self.id}: no event tells of entry {seq}, or that it is gone")


class Export:
    """A whole export. Making one checks it."""

    def __init__(self, directory):
        self.directory, self.deliveries, self.count = directory, 0, 0
        about = json.loads(self.read("ledger.json"))
        need(about["format"] == "entente-ledger" and about["version"] == 1, "the format")
        last = about["epochs"][-1]
        text, _ = note(self.read("manifest"), last["logs"][0]["origin"], [unhex(last["keys"][-1]["key"], 32)])
        listed = dict(reversed(line.split(" ", 1)) for line in text.splitlines()[2:])
        for name, digest in listed.items():
            need(sha256(self.read(name)).hex() == digest, f"{name} is not what the manifest lists")
        wanted = {"ledger.json"} | {f"{e['epoch']}/{log['partner'] or 'main'}/checkpoint" for e in about["epochs"] for log in e["logs"]}
        self.feeds = {}
        for name in listed:
            if name.startswith("feeds/"):
                feed = Feed(self.read(name))
                self.feeds[feed.id] = feed
                wanted.add(f"feeds/{feed.id}.ndjson")
        need(set(listed) == wanted, "the manifest lists other files")
        self.erased, self.told = set(), set()
        for epoch in about["epochs"]:
            self.epoch(epoch)
        need(self.erased <= self.told, "an event is gone, and none tells that it was erased")
        for feed in self.feeds.values():
            feed.rest()

    def read(self, name):
        with open(os.path.join(self.directory, name), "rb") as file:
            return file.read()

    def epoch(self, epoch):
        for before, key in zip(epoch["keys"], epoch["keys"][1:]):
            statement = f"entente/ledger-key/v1\n{epoch['logs'][0]['origin']}\n{key['from']}\n{key['key']}\n"
            need(signed(unhex(before["key"], 32), statement.encode(), unhex(key["signature"], 64)), "a key is not signed by the one before")
        main, *others = [Log(self, epoch, log) for log in epoch["logs"]]
        partners = {log.partner: log for log in others}
        named, heads = set(), {partner: 0 for partner in partners}
        self.count += sum(log.size for log in partners.values()) + main.size
        for log in [main, *others]:
            self.erased.update(e for e, event in zip(log.entries, log.events) if event is None)
        for index, event in enumerate(main.events):
            if event is None:
                continue
            shared = list(event.get("shared", []))
            for gone in event.get("erased", []):
                self.told.add(unhex(gone["entry"], 32))
                shared += gone.get("shared", [])
            for s in shared:
                name = (s["partner"], unhex(s["entry"], 32))
                if name[0] in partners and name[1] in partners[name[0]].at:
                    need(name not in named, f"entry {index} of the main log names what another has named")
                    named.add(name)
            for head in event.get("logs", []):
                log = partners[head["partner"]]
                need(heads[log.partner] <= head["size"] <= log.size and tree(log.hashes[:head["size"]]).hex() == head["root"], f"the head of {log.origin}")
                heads[log.partner] = head["size"]
            self.about_feeds(event, partners)
        for log in others:
            need(all((log.partner, e) in named for e in log.entries[:heads[log.partner]]), f"{log.origin} has what the main log does not name")

    def about_feeds(self, event, partners):
        about = event.get("about", {})
        feed = self.feeds.get(about.get("feed"))
        if event["kind"] == "judge" and event.get("result") == "staged":
            feed.staged.append(event)
        elif event["kind"] == "judge":
            feed.judge(event)
        for moved in event.get("feeds", []) if event["kind"] in ("flip", "unstage") else []:
            staged, self.feeds[moved["feed"]].staged = self.feeds[moved["feed"]].staged, []
            for one in staged if event["kind"] == "flip" else []:
                self.feeds[moved["feed"]].judge(one)
        if event["kind"] == "deliver" and feed:
            feed.deliver(event)
            self.deliveries += 1
            for s in event.get("shared", []):
                log = partners[s["partner"]]
                own = log.events[log.at[unhex(s["entry"], 32)]]
                need(own is None or (own.get("count", 0), own["list"]) == (event.get("count", 0), event["list"]), "two logs tell of a delivery in two ways")


if __name__ == "__main__":
    try:
        export = Export(sys.argv[1])
    except (Unsound, OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        sys.exit(f"not sound: {type(err).__name__}: {err}")
    print(f"sound: {export.count} events, {len(export.feeds)} feeds, {export.deliveries} deliveries")
