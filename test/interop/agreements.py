"""Shares whole publications with partners by agreements, made with the command line, and
reads what each partner gets with the unmodified taxii2-client. What they get is compared
with a reference that is worked out from the source files and the terms; then things change.

Published data sets are used where --data has them, made-up ones of the same shape elsewhere."""

import os
import tempfile
import time

from taxii2client.v21 import ApiRoot

import decisions
import partner_root
from checks import answers, arguments, check, equal, true
from desk import Desk, Reader
from realdata import moment, stamp
from release_data import DISARM, ICS, MVT, TLPS, load, mark, newer, often_named, picked, sdo, write
from release_reference import Agreement, World, components, instant, references, tlp

SEED = 20261125
FRAMEWORKS, INFLUENCE, TECHNIQUES, SPYWARE = "frameworks", "influence", "techniques", "spyware"


def agreements(mvt):
    """Three partners with four agreements. The age parts the oldest of mvt's from the rest,
    in the middle of the widest gap between their dates, far from any."""
    dates = sorted(instant(stamp(o)) for o in mvt)
    before, after = max(zip(dates, dates[1:]), key=lambda pair: pair[1] - pair[0])
    days = (instant(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())) - (before + (after - before) / 2)).days
    return [
        Agreement(FRAMEWORKS, "Harbour ISAC", {"collections": [ICS, DISARM], "highest": "tlp:green", "unmarked": "tlp:green",
                                               "stricter": "withdraw"}),
        Agreement(INFLUENCE, "Delta CERT", {"collections": [DISARM], "vocabularies": [ICS], "highest": "tlp:amber", "direction": "both"}),
        Agreement(TECHNIQUES, "Example Bank", {"collections": [DISARM], "highest": "tlp:green", "references": "open",
                                               "types": ["attack-pattern", "relationship"]}),
        Agreement(SPYWARE, "Example Bank", {"collections": [MVT], "highest": "tlp:clear", "unmarked": "tlp:clear", "age": f"{days}d",
                                            "except_types": ["campaign"]}),
    ]


ACCOUNTS = {"Harbour ISAC": "harbour-siem", "Delta CERT": "delta-siem", "Example Bank": "bank-siem"}


class Run:
    """One node with its partners, and the world that it should show."""

    def __init__(self, desk, sets):
        self.desk, self.sets, self.world = desk, sets, World()
        self.collections, self.readers = {}, []
        self.agreements = agreements(sets[MVT])
        self.known = {}  # agreement -> ids that its vocabularies hold

    def put(self, collection, objs, *flags):
        """Imports objects, here and in the reference."""
        path = write(os.path.join(self.desk.directory, "batch.json"), objs)
        summary = self.desk.run("import", "--collection", collection, *flags, path)
        equal((summary["added"], summary["contested"], summary["refused"]), (len(objs), 0, 0), "added, contested, refused")
        self.world.put(collection, objs)

    def settle(self):
        """Brings the reference to rest, and waits for the appliers."""
        for agreement in self.agreements:
            agreement.settle(self.world)
            self.desk.at_rest(agreement)

    def compare(self, when):
        """Everybody reads anew, and carries his copy on."""
        with check(f"{when}: the queue lists what waits by the reference"):
            for agreement in self.agreements:
                for reason, keys in (("references", agreement.waiting), ("decision", agreement.undecided)):
                    equal(self.desk.queue(agreement, reason), sorted(key[1:] for key in keys), f"{agreement.name}: what waits for {reason}")
        for reader in self.readers:
            name, terms = reader.agreement.name, reader.agreement.terms
            if reader.settled():
                with check(f"{when}: nothing moves in {name}"):
                    reader.check_unmoved()
                continue
            with check(f"{when}: {reader.agreement.partner} gets of {name} what the reference says, closed on every prefix"):
                counts, together = reader.check(self.known[name])
                reader.catch_up(self.known[name])
                reader.check_copy()
            held = {title: sum(s.collection == title for s in self.world.submissions) for title in terms["collections"]}
            print("   " + ", ".join(f"{counts[t]} of {held[t]} {t}" for t in held) + f"; {together} in circles", flush=True)

    def change(self, what, do):
        """One change: done, waited for, compared."""
        with check(what):
            do()
            self.settle()
        self.compare(what)

    def previewed(self, previews):
        """Brings the reference to rest, and compares what previews said with what that does."""
        said = {p["agreement"]: (p["stands"], p["enters"], p["leaves"]) for preview in previews for p in preview["agreements"]}
        did = {}
        for agreement in self.agreements:
            before = agreement.live
            agreement.settle(self.world)
            after = agreement.live
            did[agreement.name] = (len(before), sum(before.get(k) != v for k, v in after.items()), sum(after.get(k) != v for k, v in before.items()))
        equal(said, {name: counts for name, counts in did.items() if name in said}, "what is previewed, and what the reference does")
        equal([n for n, counts in did.items() if n not in said and any(counts[1:])], [], "agreements that change, and are not previewed")

    def reader(self, name):
        return next(r for r in self.readers if r.agreement.name == name)

    def agreement(self, name):
        return self.reader(name).agreement


def begin(args, run):
    """Fills the collections and puts the agreements in force."""
    with check("a releaser, three partners, and collections that are filled"):
        for partner, account in ACCOUNTS.items():
            run.desk.add_partner(partner, account)
        for name, objs in run.sets.items():
            run.collections[name] = run.desk.add_collection(name)
            run.put(name, objs)
    for agreement in run.agreements:
        with check(f"{agreement.name}: drafted, proposed, accepted, active"):
            began = time.monotonic()
            shown = run.desk.agree(agreement)
            equal((shown["state"], len(shown["feeds"])), ("active", len(agreement.terms["collections"])), "state and feeds")
            run.readers.append(Reader(args, agreement, ACCOUNTS[agreement.partner]))
            run.known[agreement.name] = frozenset(o["id"] for v in agreement.terms.get("vocabularies", []) for o in run.sets[v])
        print(f"   {sum(f['entries'] for f in shown['feeds'])} entries in {time.monotonic() - began:.1f} s", flush=True)
    run.settle()


def check_roots(run):
    for reader in run.readers:
        partner = reader.agreement.partner
        with check(f"{reader.agreement.name}: {partner} sees its own roots and feeds, and no other is there"):
            server = reader.server()
            own = sorted(f"{reader.args.url}/{a.name}/" for a in run.agreements if a.partner == partner)
            equal([r.url for r in server.api_roots], own, "API roots")
            equal(server.default.url, own[0], "the default")
            equal(sorted(reader.feeds), sorted(reader.agreement.terms["collections"]), "titles of collections")
            rights = (True, reader.agreement.terms.get("direction") == "both")
            equal({(c.can_read, c.can_write) for c in reader.feeds.values()}, {rights}, "rights")
            for other in [a.name for a in run.agreements if a.partner != partner] + ["api1", "nowhere"]:
                with answers(404):
                    ApiRoot(f"{reader.args.url}/{other}/", **reader.login).refresh()


def check_cases(run):
    """What real data taught: each by name, so that a change of data shows."""
    feed = {o["id"]: o for o in run.reader(FRAMEWORKS).read(ICS)[0]}
    ics = run.sets[ICS]
    with check("ATT&CK: statements mark nothing, so all but their definition is stamped GREEN"):
        for obj in ics:
            marks = obj.get("object_marking_refs", [])
            equal([m for m in marks if m in TLPS], [], "TLP in the source")
            want = marks if obj["type"] == "marking-definition" else [*marks, tlp("green")]
            equal(feed[obj["id"]].get("object_marking_refs", []), want, f"marking of {obj['id']}")
    with check("ATT&CK: a reference that is an empty string is none: five objects, released as they are"):
        empty = [o for o in ics if "" in (o.get("x_mitre_data_source_ref"), o.get("source_ref"), o.get("target_ref"))]
        equal(len(empty), 5, "objects with an empty reference")
        for obj in empty:
            equal(feed[obj["id"]]["x_mitre_data_source_ref"], "", f"reference of {obj['id']}")
    with check("ATT&CK: identity and marking definition refer to each other, and come together"):
        of = components({o["id"]: references(o) for o in ics})
        maker = next(o for o in ics if o["type"] == "identity")
        definition = next(o for o in ics if o["type"] == "marking-definition")
        equal(of[maker["id"]], of[definition["id"]], "their components")
        order = [o["id"] for o in run.reader(FRAMEWORKS).read(ICS)[0]]
        equal(abs(order.index(maker["id"]) - order.index(definition["id"])), 1, "entries between them")
        equal(min(order.index(maker["id"]), order.index(definition["id"])), 0, "the place of the first: all others refer to them")
    with check("DISARM: closed references hold back what points to the withheld, open ones do not"):
        ids = {name: {o["id"] for o in run.reader(name).read(DISARM)[0]} for name in (FRAMEWORKS, TECHNIQUES)}
        links = [o for o in run.sets[DISARM] if o["type"] == "relationship" and tlp("green") in o.get("object_marking_refs", [])]
        loose = [o for o in links if not {o["source_ref"], o["target_ref"]} <= ids[FRAMEWORKS]]
        true(loose, "no relationship points to something withheld: this checks nothing")
        true(all(o["id"] in ids[TECHNIQUES] and o["id"] not in ids[FRAMEWORKS] for o in loose), "a relationship on the wrong side")
        matrix = next(o for o in run.sets[DISARM] if o["type"] == "x-mitre-matrix")
        true(matrix["id"] not in ids[FRAMEWORKS], "the matrix names an AMBER tactic and is served where that is not")
    with check("the sets try every rule: something is held back by its marking, its age, its references"):
        for reader in run.readers:
            held = [s for s in run.world.submissions if s.collection in reader.agreement.terms["collections"]]
            true(reader.agreement.live, f"{reader.agreement.name} releases nothing")
            true(len(reader.agreement.live) < len(held), f"{reader.agreement.name} releases everything")


def check_changes(run):
    stricter, amber, plain, gone = picked(run, 4)
    red = [o for o in run.sets[DISARM] if o["type"] == "attack-pattern" and run.agreement(INFLUENCE).effective(o) == 4]
    red = max((o for o in red if o["modified"] < "2025"), key=lambda o: often_named(run.sets[DISARM], o["id"]))
    secret = newer(stricter, "red", description="Nobody outside is to see this.")
    run.change("a newer version is RED: it is withdrawn, or stays until somebody decides", lambda: run.put(DISARM, [secret]))
    with check("a newer version is RED: the two ways differ, and the referrers went with it"):
        true(all(k[1] != stricter["id"] for k in run.agreement(FRAMEWORKS).live), "it stays where the terms withdraw")
        true(any(k[1] == stricter["id"] for k in run.agreement(INFLUENCE).live), "it left where somebody is asked")
        true(often_named(run.sets[DISARM], stricter["id"]) > 0, "nothing referred to it")
    run.change("newer versions: AMBER, GREEN, and GREEN of what was RED", lambda: run.put(DISARM, [
        newer(amber, "amber"), newer(plain, "green"), newer(red, "green")]))

    campaign = sdo("campaign", "a later campaign")
    waits = sdo("relationship", "its use", relationship_type="uses", source_ref=campaign["id"],
                target_ref=next(o["id"] for o in run.sets[ICS] if o["type"] == "attack-pattern"))
    run.change("a relationship to something that is not there waits", lambda: run.put(ICS, [waits]))
    run.change("and enters with it", lambda: run.put(ICS, [campaign]))
    with check("and enters with it: behind it"):
        order = [o["id"] for o in run.reader(FRAMEWORKS).read(ICS)[0]]
        equal(order[-2:], [campaign["id"], waits["id"]], "the last entries")

    def delete(collection, oid):
        run.collections[collection].delete_object(oid, version="all")
        taken = run.world.take_out(collection, oid)
        true(taken, "it was not there")
        return taken

    run.change("home deletes an object: what refers to it leaves too", lambda: delete(DISARM, gone["id"]))
    definition = next(o for o in run.sets[ICS] if o["type"] == "marking-definition")
    run.change("home deletes what everything refers to: the whole feed leaves", lambda: delete(ICS, definition["id"]))
    with check("home deletes what everything refers to: all of ATT&CK that it marked has left"):
        equal({k[1] for k in run.agreement(FRAMEWORKS).live if k[0] == ICS} - {campaign["id"]}, set(), "entries")
    run.change("and brings it back: everything enters again", lambda: run.put(ICS, [definition], "--undelete"))
    return secret


def check_amendments(run):
    """New terms, each with its preview."""
    influence, frameworks = run.agreement(INFLUENCE), run.agreement(FRAMEWORKS)
    label = max({label for o in run.sets[ICS] for label in o.get("labels", [])},
                key=lambda text: (sum(text in o.get("labels", []) for o in run.sets[ICS]), text))
    before = {a.name: len(a.live) for a in (influence, frameworks)}

    def amend(agreement, **terms):
        agreement.terms.update(terms)
        run.previewed([run.desk.amend(agreement, "Less is shared")])

    run.change("amended terms: a lower highest marking", lambda: amend(influence, highest="tlp:green"))
    run.change("amended terms: a label is left out, and what refers to what bears it", lambda: amend(frameworks, except_labels=[label]))
    with check("amended terms: each took something away"):
        for agreement in (influence, frameworks):
            true(len(agreement.live) < before[agreement.name], f"{agreement.name} shows as much as before")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--entente", required=True, help="the program")
    parser.add_argument("--data", default="../shared/data", help="where the published data sets are")
    args = parser.parse_args()
    sets, published = load(args.data)
    if not published:
        print(f"note: the published data sets are not in {args.data}; made-up ones stand in for them", flush=True)
    sets[DISARM] = mark(sets[DISARM], SEED)
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Desk(args, directory), sets)
        begin(args, run)
        check_roots(run)
        run.compare("at first")
        check_cases(run)
        secret = check_changes(run)
        partner_root.check_all(run)
        decisions.check_all(run)
        check_amendments(run)
        with check("nobody ever got what is RED"):
            for reader in run.readers:
                hidden = {(s.obj["id"], stamp(s.obj)) for s in run.world.submissions if reader.agreement.effective(s.obj) == 4}
                true((secret["id"], stamp(secret)) in hidden, "the RED version is not among what is hidden")
                equal(sorted(reader.ever & hidden), [], f"RED in {reader.agreement.name}")
        with check("the doctor finds the node sound"):
            did = run.desk.run("doctor")
            true(did["sound"] and not did["complaints"], f"complaints {did['complaints']}")


if __name__ == "__main__":
    main()
