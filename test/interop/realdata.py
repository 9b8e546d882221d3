"""Imports whole publications with the command line, reads everything back with the
unmodified taxii2-client, and compares every object with its source.

It does so with a generated set, and with the published data sets where --data has them.
The command line works on the node that ENTENTE_DATA and ENTENTE_DB name."""

import glob
import json
import os
import re
import subprocess
import tempfile
import time

from taxii2client.v21 import Collection, as_pages

import exact
import generate
from checks import Wire, arguments, check, equal, pages, true

COUNTS = ("read", "added", "unchanged", "contested", "refused")


class Sources:
    """What a collection must hold after its files were imported in order, from one
    source. Per object and version the first contents stay; others are contested. An
    object without a moment of its own is replaced by its latest new contents."""

    def __init__(self):
        self.versions = {}  # id -> {moment or None -> [contents as they are written]}
        self.canonical = {}  # id -> canonical forms seen

    def take(self, obj):
        seen = self.canonical.setdefault(obj["id"], set())
        form = exact.canonical(obj)
        if form in seen:
            return "unchanged"
        seen.add(form)
        contents = self.versions.setdefault(obj["id"], {}).setdefault(moment(stamp(obj)), [])
        contents.append(obj)
        return "contested" if len(contents) > 1 and stamp(obj) else "added"

    def take_file(self, path):
        with open(path, encoding="utf-8") as file:
            objs = exact.parse(file.read())["objects"]
        counts = dict.fromkeys(COUNTS, 0)
        counts["read"] = len(objs)
        for obj in objs:
            counts[self.take(obj)] += 1
        return counts

    def served(self):
        """Every object that a reader of all versions gets, by id and moment."""
        for oid, versions in self.versions.items():
            for when, contents in versions.items():
                yield (oid, when), contents if when is None else contents[:1]


def stamp(obj):
    return obj.get("modified", obj.get("created"))


def moment(text):
    """A timestamp as an instant: without the digits that say nothing."""
    if text is None:
        return None
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return seconds, fraction.rstrip("0")


class Node:
    """The command line of the node under test."""

    def __init__(self, args):
        self.binary, self.args = args.entente, args

    def text(self, *words, **more):
        """What a command prints. more is for subprocess.run: its input, its environment."""
        done = subprocess.run([self.binary, *words], capture_output=True, text=True, check=False, timeout=300, **more)
        if done.returncode != 0:
            raise AssertionError(f"entente {' '.join(words)}: exit {done.returncode}\n{done.stderr}{done.stdout[:2000]}")
        return done.stdout

    def run(self, *words, **more):
        return json.loads(self.text(*words, "--json", **more), object_pairs_hook=exact.members)

    def show(self, oid):
        done = subprocess.run([self.binary, "show", oid, "--versions", "--json"], capture_output=True, text=True, check=True, timeout=60)
        return exact.parse(done.stdout)

    def add_collection(self, name):
        made = self.run("collection", "add", name)
        self.run("grant", self.args.user, made["id"], "read,write")
        return Collection(f"{self.args.url}/api1/collections/{made['id']}/", user=self.args.user,
                          password=self.args.password, verify=self.args.cafile or True)


def read_back(collection, **filters):
    """Every object that the client gets, from the bytes that it got."""
    collection.refresh()
    wire = Wire(collection)
    got = pages(as_pages(collection.get_objects, **filters))
    envelopes = [exact.parse(response.text) for response in wire.take()]
    equal(len(envelopes), len(got), "pages and responses")
    return [obj for envelope in envelopes for obj in envelope.get("objects", [])]


def manifest_of(collection):
    return [record for page in pages(as_pages(collection.get_manifest, version="all")) for record in page.get("objects", [])]


def check_set(node, name, files):
    sources = Sources()
    with check(f"{name}: a collection for it"):
        collection = node.add_collection(name)
    for path in files:
        with check(f"{name}: import {os.path.basename(path)}"):
            want = sources.take_file(path)
            began = time.monotonic()
            summary = node.run("import", "--collection", name, path)
            seconds = time.monotonic() - began
            equal([{k: f[k] for k in COUNTS} for f in summary["files"]], [want], "counts of the file")
            equal({k: summary[k] for k in COUNTS[1:]}, {k: want[k] for k in COUNTS[1:]}, "counts of the import")
            equal(len(summary["files"][0].get("contests", [])), want["contested"], "contested versions that are named")
        print(f"   {want['read']} objects in {seconds:.1f} s: " + ", ".join(f"{want[k]} {k}" for k in COUNTS[1:]), flush=True)
    check_objects(collection, name, sources)
    check_histories(collection, name, sources)
    check_contested(node, name, sources)
    with check(f"{name}: a second import adds nothing"):
        before = manifest_of(collection)
        summary = node.run("import", "--collection", collection.id, *files)
        equal((summary["added"], summary["contested"], summary["refused"]), (0, 0, 0), "added, contested, refused")
        equal(sum(f["unchanged"] for f in summary["files"]), sum(f["read"] for f in summary["files"]), "unchanged")
        equal(manifest_of(collection), before, "manifest")


def check_objects(collection, name, sources):
    want = dict(sources.served())
    with check(f"{name}: every object that is served equals its source, and none is missing"):
        served = {}
        for obj in read_back(collection, version="all"):
            served.setdefault((obj["id"], moment(stamp(obj))), []).append(obj)
        equal(sorted(map(str, served.keys() ^ want.keys())), [], "versions on one side only")
        for key, contents in want.items():
            equal(served[key], contents, f"contents of {key}")
    with check(f"{name}: small pages and the manifest tell the same"):
        objs = read_back(collection, version="all", per_request=97)
        equal(len(objs), sum(map(len, want.values())), "objects")
        records = manifest_of(collection)
        equal([r["id"] for r in records], [o["id"] for o in objs], "ids of manifest and objects")
        equal([r["version"] for r, o in zip(records, objs) if stamp(o)], [stamp(o) for o in objs if stamp(o)], "versions")
    with check(f"{name}: without a filter, the latest version of each"):
        got = read_back(collection)
        latest = {oid: v[max(v)][0] if None not in v else v[None][-1] for oid, v in sources.versions.items()}
        equal(sorted(o["id"] for o in got), sorted(latest), "ids")
        for obj in got:
            equal(obj, latest[obj["id"]], f"latest of {obj['id']}")


def check_histories(collection, name, sources):
    several = {oid: v for oid, v in sources.versions.items() if len(v) > 1}
    with check(f"{name}: the histories of {len(several)} objects with several versions"):
        for oid, versions in several.items():
            got = [v for page in pages(as_pages(collection.object_versions, obj_id=oid)) for v in page["versions"]]
            equal(sorted(got), sorted(stamp(contents[0]) for contents in versions.values()), f"versions of {oid}")


def check_contested(node, name, sources):
    contested = {oid: v for oid, v in sources.versions.items() if any(len(c) > 1 and when for when, c in v.items())}
    with check(f"{name}: {len(contested)} objects with contested versions are shown with all contents"):
        for oid, versions in contested.items():
            shown = node.show(oid)
            equal(shown["id"], oid, "id")
            by_moment = {}
            for version in shown["versions"]:
                equal(re.search("[0-9a-f]{64}", version["digest"]).group(), exact.digest(version["object"]), f"digest in {oid}")
                by_moment.setdefault(moment(version["version"]), []).append(version)
            equal(sorted(by_moment), sorted(versions), f"moments of {oid}")
            for when, contents in versions.items():
                got = by_moment[when]
                equal(in_order(v["object"] for v in got), in_order(contents), f"contents of {oid} at {when}")
                flagged = [v["object"] for v in got if v["contested"]]
                if len(contents) == 1:
                    equal(flagged, [], f"contested at {when}, which has one content")
                for rival in contents[1:]:
                    true(rival in flagged, f"{oid} at {when}: a rival is not flagged as contested")


def in_order(objs):
    return sorted(objs, key=str)


def published(directory):
    """The published data sets: a name and its files, in the order of their release."""
    sets = [("attack-ics", sorted(glob.glob(os.path.join(directory, "attack-ics", "*.json")))),
            ("disarm", sorted(glob.glob(os.path.join(directory, "disarm", "*.json"))))]
    for path in sorted(glob.glob(os.path.join(directory, "mvt", "*.stix2"))):
        sets.append(("mvt-" + os.path.basename(path).removesuffix(".stix2"), [path]))
    return [(name, files) for name, files in sets if files]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--entente", required=True, help="the program")
    parser.add_argument("--data", default="../shared/data", help="where the published data sets are")
    args = parser.parse_args()
    node = Node(args)
    with tempfile.TemporaryDirectory() as directory:
        for name, files in generate.write(directory):
            check_set(node, name, files)
    sets = published(args.data)
    if not sets:
        print(f"note: the published data sets are not in {args.data}; the generated sets above stand in for them", flush=True)
    for name, files in sets:
        check_set(node, name, files)


if __name__ == "__main__":
    main()
