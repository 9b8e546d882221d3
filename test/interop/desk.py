"""Home's desk and its partners for the test of agreements: decisions by the command line,
and what the unmodified taxii2-client reads through an agreement."""

import json
import os
import re
import time

import requests
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

import exact
from checks import Wire, equal, pages, true
from realdata import Node, manifest_of, moment, stamp
from release_reference import check_prefixes, references

PATIENCE = 60  # seconds until the appliers must have come to rest


class Desk(Node):
    """The command line, and who decides with it."""

    def __init__(self, args, directory):
        super().__init__(args)
        self.directory = directory
        self.signed, self.second = self.hire("releaser"), self.hire("second-releaser")

    def hire(self, name):
        """Makes somebody who may decide, and gives the environment that signs in."""
        self.run("account", "add", name)
        token = self.run("account", "token", name)["token"]
        self.run("account", "role", "give", name, "releaser")
        return {**os.environ, "ENTENTE_AS": name, "ENTENTE_TOKEN": token}

    def decide(self, *words):
        return self.run("agreement", *words, env=self.signed)

    def queue(self, agreement, reason):
        """What the queue lists: (id, moment) of each version."""
        said = self.run("queue", agreement.name, "--reason", reason, "--limit", "10000")
        true(not said["more"], "the queue lists only a part")
        counts = [c["count"] for c in said["counts"] if c["reason"] == reason]
        equal(counts, [len(said["entries"])] if said["entries"] else [], f"counts of {reason}")
        return sorted((e["object"], moment(e["version"])) for e in said["entries"])

    def add_partner(self, name, account):
        self.run("partner", "add", name)
        self.run("partner", "account", "add", name, account, "--password-stdin", input=self.args.password + "\n")

    def terms_file(self, agreement):
        """Writes a terms file with the command line, and sets its keys as one would by hand."""
        terms = agreement.terms
        text = self.text("agreement", "draft", agreement.name, "--with", agreement.partner, "--title", agreement.name, "--purpose", "Defence",
                         *(word for name in terms["collections"] for word in ("--collection", name)))
        for key, value in terms.items():
            text, places = re.subn(rf"(?m)^(# )?{key} = .*$", lambda _, k=key, v=value: f"{k} = {json.dumps(v)}", text)
            equal(places, 1, f"places for {key} in the file")
        path = os.path.join(self.directory, agreement.name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.run("agreement", "check", path)
        return path

    def agree(self, agreement):
        self.decide("propose", self.terms_file(agreement))
        self.accept(agreement)
        return self.decide("activate", agreement.name, "--backlog", "all")

    def amend(self, agreement, reason):
        """Puts the agreement's terms as they are now in force, and gives the preview of that."""
        self.decide("amend", self.terms_file(agreement), "--reason", reason)
        self.accept(agreement)
        preview = self.run("preview", "activate", agreement.name)
        self.decide("activate", agreement.name)
        return preview

    def accept(self, agreement):
        self.decide("accept", agreement.name, "--for", agreement.partner, "--said", "Head of desk, by letter")

    def shows(self, agreement):
        return self.run("agreement", "show", agreement.name)

    def at_rest(self, agreement):
        """Waits until the applier has judged all that the collections hold."""
        end = time.monotonic() + PATIENCE
        while True:
            seen = self.shows(agreement)
            if not seen.get("under_way") and not seen["closed"] and all(f["judged"] == f["log"] for f in seen["feeds"]):
                return seen
            true(time.monotonic() < end, f"{agreement.name} did not come to rest in {PATIENCE} s: {seen['feeds']}")
            time.sleep(0.1)


class Reader:
    """A partner's program, with an account of its own: it reads what one agreement releases,
    anew each time, and keeps a copy up to date with added_after alone."""

    def __init__(self, args, agreement, account):
        self.agreement, self.args = agreement, args
        self.login = {"user": account, "password": args.password, "verify": args.cafile or True}
        self.root = ApiRoot(f"{args.url}/{agreement.name}/", **self.login)
        self.feeds = {c.title: c for c in self.root.collections}
        self.after = dict.fromkeys(self.feeds)
        self.copy = {}  # all that the copy ever got: key -> its latest contents
        self.ever = set()  # id and version of everything that ever came, by any request
        self.shown = None  # what the reference and the manifests were when all was read last

    def server(self):
        return Server(self.args.url + "/taxii2/", **self.login)

    def collection(self, title):
        return Collection(self.feeds[title].url, **self.login)

    def read(self, title, **filters):
        """All entries of a feed, by pages, with their numbers as they are written."""
        wire = Wire(self.feeds[title])
        pages(as_pages(self.feeds[title].get_objects, version="all", per_request=450, **filters))
        responses = wire.take()
        objs = [o for r in responses for o in exact.parse(r.text).get("objects", [])]
        self.ever.update((o["id"], stamp(o)) for o in objs)
        last = [r.headers["X-TAXII-Date-Added-Last"] for r in responses if "X-TAXII-Date-Added-Last" in r.headers]
        return objs, last[-1] if last else None

    def manifest(self, title):
        return manifest_of(self.feeds[title])

    def listed(self):
        """What the manifests list: the keys of all entries."""
        return {(title, r["id"], moment(r["version"])) for title in self.feeds for r in self.manifest(title)}

    def wait_for(self, want):
        """Waits until the manifests list what is wanted. What they list after that time is
        for the caller to compare."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.listed() == want:
                    return
            except requests.HTTPError as err:
                if err.response.status_code != 503:  # its terms are being tightened
                    raise
            time.sleep(0.1)

    def catch_up(self, known):
        """Carries the copy on, and finds that nothing in it refers to what it never got."""
        for title, feed in self.feeds.items():
            objs, last = self.read(title, added_after=self.after[title])
            for obj in objs:
                self.copy[title, obj["id"], moment(stamp(obj))] = obj
            self.after[title] = last or self.after[title]
            if self.agreement.terms.get("references") != "open":
                there = known | {key[1] for key in self.copy}
                for obj in objs:
                    equal(sorted(references(obj) - there), [], f"what {obj['id']} refers to and the copy of {feed.title} never got")

    def settled(self):
        """Whether by the reference nothing has changed since all was read last."""
        return self.shown is not None and self.shown[0] == self.agreement.live

    def check_unmoved(self):
        """Nothing has moved since all was read last, dates added included."""
        equal({title: self.manifest(title) for title in self.feeds}, self.shown[1], "the manifests")

    def check(self, known=frozenset()):
        """Compares all that is served now with the reference. Gives the number of entries of
        each feed, and of objects in components of several."""
        together, counts, want, manifests = 0, {}, self.agreement.live, {}
        self.wait_for(set(want))
        for title in self.feeds:
            objs, records = self.read(title)[0], self.manifest(title)
            got = {(title, o["id"], moment(stamp(o))): o for o in objs}
            equal(len(got), len(objs), "entries and different versions")
            mine = {key: obj for key, obj in want.items() if key[0] == title}
            equal(sorted(got.keys() - mine.keys()), [], f"served from {title}, and not released by the reference")
            equal(sorted(mine.keys() - got.keys()), [], f"released by the reference, and not served from {title}")
            for key, obj in mine.items():
                equal(got[key].get("object_marking_refs"), obj.get("object_marking_refs"), f"marking of {key}")
                equal(got[key], obj, f"contents of {key}")
            equal([(r["id"], r["version"]) for r in records], [(o["id"], stamp(o)) for o in objs], "manifest and objects")
            dates = [r["date_added"] for r in records]
            equal(dates, sorted(set(dates)), "dates added: strictly ascending")
            if self.agreement.terms.get("references") != "open":
                together += check_prefixes(objs, known)
            counts[title], manifests[title] = len(objs), records
        self.shown = dict(want), manifests
        return counts, together

    def check_copy(self):
        """What the copy has of what is live is what is served, and nothing is missing."""
        listed = self.listed()
        equal(sorted(listed - self.copy.keys()), [], "served, and the copy never got it")
        equal(listed, set(self.agreement.live), "entries that are live")
        for key in listed:
            equal(self.copy[key], self.agreement.live[key], f"contents of {key} in the copy")
