"""Moves objects between a node and other servers, medallion and OpenTAXII, with "entente
push" and "entente pull", and compares what comes back with what was sent.

The objects are generated, and published ones where --data has them. --brief moves fewer."""

import glob
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
import uuid

import requests

import exact
import foreign
import generate
from checks import MEDIA_TYPE, arguments, check, equal, true
from realdata import moment, stamp

PARTLY, UNAVAILABLE = 8, 7  # exit statuses
CHUNK = 250  # the most objects of a collection on medallion, whose pages cost the square of it


class Node:
    """The command line of the node under test, for moving objects."""

    def __init__(self, binary):
        self.binary = binary

    def start(self, *words, secret=None):
        process = subprocess.Popen([self.binary, *words, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write((secret + "\n").encode() if secret else b"")
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, *words, secret=None, status=0):
        with self.start(*words, secret=secret) as process:
            try:
                out, err = process.communicate(timeout=120)
            finally:
                process.kill()
        if process.returncode != status:
            raise AssertionError(f"entente {' '.join(words)}: exit {process.returncode}, not {status}\n{err.decode()[-1500:]}{out.decode()[:1500]}")
        return json.loads(out) if out else json.loads(err)

    def collection(self, name, objs=()):
        """Makes a collection with such objects, and gives its id."""
        made = self.run("collection", "add", name)
        if objs:
            with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
                file.write(generate.write_json({"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": literal(objs)}))
                file.flush()
                summary = self.run("import", "-c", made["id"], file.name)
            equal((summary["added"], summary["refused"]), (len(objs), 0), "imported and refused")
        return made["id"]

    def held(self, collection):
        """What a collection holds, as parsed from its exact bytes."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            self.run("export", "-c", collection, "--versions", "all", "-o", path)
            with open(path, encoding="utf-8") as file:
                return exact.parse(file.read()).get("objects", [])


def literal(value):
    """Parsed JSON with its numbers as generate.write_json writes them."""
    if isinstance(value, exact.Number):
        return generate.Literal(value.text)
    if isinstance(value, dict):
        return {name: literal(member) for name, member in value.items()}
    if isinstance(value, list):
        return [literal(member) for member in value]
    return value


def read(path):
    with open(path, encoding="utf-8") as file:
        return exact.parse(file.read())["objects"]


def digits(obj):
    return len(stamp(obj).rstrip("Z").partition(".")[2]) if "modified" in obj else None


def sources(data, brief):
    """Sets of objects, each version once: a name and its objects."""
    with tempfile.TemporaryDirectory() as directory:
        generated = read(dict(generate.write(directory))["generated-releases"][0])
    out = [("generated", generated)]
    icses = sorted(glob.glob(os.path.join(data, "attack-ics", "*.json")))
    if icses and not brief:
        out.append(("attack-ics", read(icses[-1])))
    for path in sorted(glob.glob(os.path.join(data, "mvt", "*.stix2")))[: 1 if brief else 2]:
        out.append(("mvt-" + os.path.basename(path).removesuffix(".stix2"), read(path)))
    if len(out) == 1:
        print(f"note: the published data sets are not in {data}; generated ones stand in for them", flush=True)
        if not brief:
            out.append(("generated-more", [o for o in map(regular, next(generate.releases("more", 1, 1200))) if o]))
    return out


def regular(obj):
    """A generated object as it reads back from its text; None where servers disagree."""
    obj = exact.parse(generate.write_json(obj))
    return obj if digits(obj) in (1, 3, 6) else None


def same(got, want, what):
    """Both as canonical forms: neither server keeps the bytes."""
    forms = [sorted(map(exact.canonical, side)) for side in (got, want)]
    lost, strange = sorted(set(forms[1]) - set(forms[0])), sorted(set(forms[0]) - set(forms[1]))
    if forms[0] != forms[1]:
        raise AssertionError(f"{what}: {len(got)} objects where {len(want)} are wanted\n    missing {lost[:2]}\n    strange {strange[:2]}")


def sign_in(server):
    return ["--user", server.user, "--password-stdin"]


def push(node, server, name, collection, status=0):
    return node.run("push", server.url, "-c", collection, "--remote-collection", server.collections[name], "--quiet", *sign_in(server),
                    secret=server.password, status=status)["servers"][0]


def post(server, name, objs):
    response = requests.post(server.objects(name), data=json.dumps({"objects": objs}), auth=(server.user, server.password), timeout=60,
                             headers={"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE})
    response.raise_for_status()


def tools(count, first=0, **more):
    return [{"type": "tool", "spec_version": "2.1", "id": generate.identify("tool", f"foreign {n}"), "created": "2026-01-01T00:00:00.000Z",
             "modified": f"2026-01-01T00:00:{n % 60:02d}.{n // 60:03d}Z", "name": f"tool {n}", **more} for n in range(first, first + count)]


def pull_add(node, server, name):
    """Keeps a pull of that name into a new collection of its own."""
    kept = f"{server.kind}-{name}"
    collection = node.collection("from-" + kept)
    node.run("pull", "add", kept, server.url, "-c", collection, "--remote-collection", server.collections[name], *sign_in(server), secret=server.password)
    return kept, collection


def pull_run(node, kept, status=0):
    return node.run("pull", "run", kept, "--quiet", status=status)["files"][0]


def check_push(node, server, name, objs, refused=()):
    """Pushes objects, and keeps a pull for them. Gives its name and its collection."""
    half = len(objs) // 2
    mine = node.collection(f"to-{server.kind}-{name}", [*objs[:half], *refused, *objs[half:]])
    with check(f"{server.kind}: push {name}: {len(objs)} taken, {len(refused)} refused, each with its reason"):
        did = push(node, server, name, mine, status=PARTLY if refused else 0)
        equal({k: did[k] for k in ("read", "taken", "pending", "refused")},
              {"read": len(objs) + len(refused), "taken": len(objs), "pending": 0, "refused": len(refused)}, "counts")
        equal(sorted(r["id"] for r in did.get("refusals", [])), sorted(o["id"] for o in refused), "what was refused")
        true(all(r["reason"] for r in did.get("refusals", [])), "a refusal without a reason")
    return pull_add(node, server, name)


def cut_off(node, kept, seconds, how):
    with node.start("pull", "run", kept, "--quiet") as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
            process.wait(20)


def check_pull(node, server, kept, collection, objs):
    with check(f"{server.kind}: pull {kept}: everything is here, and equal"):
        did = to_its_end(node, kept)
        equal((did["contested"], did["refused"], did["incomplete"]), (0, 0, False), "contested, refused, incomplete")
        same(node.held(collection), objs, "pulled")


def to_its_end(node, kept):
    """Runs a pull, once the lease of a run that was killed is over."""
    end = time.monotonic() + 60
    while True:
        try:
            return pull_run(node, kept)
        except AssertionError as err:
            if "runs at this moment" not in str(err) or time.monotonic() > end:
                raise
        time.sleep(0.5)


def move(node, server, parts):
    """Pushes parts and pulls them back. The first pull is killed on its way and goes on
    last, since its lease holds for half a minute; the last is stopped as an operator would,
    and run again when there is nothing new and when there is."""
    names = list(parts)
    for name, (objs, refused) in parts.items():
        kept, collection = check_push(node, server, name, objs, refused)
        if name == names[0]:
            cut_off(node, kept, 0.6, signal.SIGKILL)
            waiting = (kept, collection, objs)
            continue
        if name == names[-1]:
            cut_off(node, kept, 0.6, signal.SIGTERM)
        check_pull(node, server, kept, collection, objs)
    check_news(node, server, name, kept, collection)
    check_pull(node, server, *waiting)


def check_news(node, server, name, kept, collection):
    with check(f"{server.kind}: pull {kept} again: nothing new"):
        did = pull_run(node, kept)
        equal((did["added"], did["contested"], did["refused"], did["incomplete"]), (0, 0, 0, False), "added, contested, refused, incomplete")
    with check(f"{server.kind}: what is added later comes with the next pull, and nothing else"):
        before = node.held(collection)
        news = tools(5, first=100_000)
        post(server, name, news)
        did = pull_run(node, kept)
        equal((did["added"], did["contested"], did["refused"], did["incomplete"]), (5, 0, 0, False), "added, contested, refused, incomplete")
        same(node.held(collection), before + news, "held")


def check_medallion(node, sets):
    parts = {}
    for name, objs in sets:
        objs = [o for o in objs if digits(o) != 9]  # see below
        for n in range(0, len(objs), CHUNK):
            parts[f"{name}-{n // CHUNK + 1}"] = objs[n:n + CHUNK]
    with foreign.running("medallion", [*parts, "unreadable"]) as server:
        move(node, server, {name: (objs, ()) for name, objs in parts.items()})
        with check("medallion: a collection that it cannot read any more is an error that says so"):
            post(server, "unreadable", tools(2) + tools(1, first=2, modified="2026-01-01T00:00:00.123456789Z"))
            kept, collection = pull_add(node, server, "unreadable")
            said = pull_run_fails(node, kept)
            true(re.search("500", said["error"]["message"]), f"message {said['error']['message']}")
            equal(node.held(collection), [], "held")


def pull_run_fails(node, kept):
    with node.start("pull", "run", kept, "--quiet") as process:
        _, err = process.communicate(timeout=60)
    equal(process.returncode, UNAVAILABLE, "exit status")
    return json.loads(err)


def check_opentaxii(node, sets):
    with foreign.running("opentaxii", [*dict(sets), "one-date"]) as server:
        parts = {}
        for name, objs in sets:
            # It takes nothing without modified, and knows one to six digits of it.
            good = [o for o in objs if digits(o) and digits(o) <= 6]
            parts[name] = good, [o for n in (None, 0, 9) for o in [o for o in objs if digits(o) == n][:2]]
        move(node, server, parts)
        check_one_date(node, server)


def check_one_date(node, server):
    """More than a page of one date, with versions of one object where pages part: the
    server's cursor is a date and an id, and passes over further versions of that id."""
    objs = tools(1300)
    for n, obj in enumerate(objs):
        obj["id"] = f"tool--{uuid.UUID(int=(4 << 76) + (8 << 60) + min(n, 950))}"
    with sqlite3.connect(os.path.join(server.directory, "data.db")) as db:
        db.executemany("INSERT INTO opentaxii_stixobject (pk, id, collection_id, type, spec_version, date_added, version, serialized_data)"
                       " VALUES (?, ?, ?, 'tool', '2.1', '2026-01-01 00:00:00.000001', ?, ?)",
                       [(uuid.uuid4().hex, o["id"], uuid.UUID(server.collections["one-date"]).hex, o["modified"].replace("T", " ").rstrip("Z") + "000",
                         json.dumps({k: v for k, v in o.items() if k not in ("id", "type", "spec_version")})) for o in objs])
    with check("opentaxii: versions that its pages lose are found by its manifest"):
        auth = (server.user, server.password)
        first = requests.get(server.objects("one-date"), params={"limit": 1000, "match[version]": "all"}, auth=auth, timeout=60).json()
        rest = requests.get(server.objects("one-date"), params={"limit": 1000, "match[version]": "all", "next": first["next"]}, auth=auth, timeout=60).json()
        true(len(first["objects"]) + len(rest.get("objects", [])) < len(objs), "its pages lose nothing here: this check checks nothing")
        kept, collection = pull_add(node, server, "one-date")
        did = pull_run(node, kept)
        equal((did["added"], did["refused"], did["incomplete"]), (len(objs), 0, False), "added, refused, incomplete")
        same(node.held(collection), objs, "held")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--entente", required=True, help="the program")
    parser.add_argument("--data", default="../shared/data", help="where the published data sets are")
    parser.add_argument("--brief", action="store_true", help="move fewer objects")
    args = parser.parse_args()
    node = Node(args.entente)
    sets = sources(args.data, args.brief)
    true(all(len({(o["id"], moment(stamp(o))) for o in objs}) == len(objs) for _, objs in sets), "a version twice in a set")
    check_medallion(node, sets)
    check_opentaxii(node, sets)


if __name__ == "__main__":
    main()
