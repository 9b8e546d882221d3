"""What the feeds of an agreement have to hold, worked out from submissions and terms in the
plainest way: everything is gone through again after each change. It shares no code with
the node. References are closed by the greatest fixpoint: what refers to something that
does not go is dropped until nothing is left to drop."""

import dataclasses
import datetime
import re

from realdata import moment, stamp

LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
# marking-definition-- ids of TLP 2.0, and of TLP 1 (STIX 2.1 section 7.2.1.4)
TLP2 = {"clear": "94868c89-83c2-464b-929b-a1a8aa3c8487", "green": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "amber": "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003",
        "red": "e828b379-4e03-4974-9ac4-e53a884c97c1"}
TLP1 = {"clear": "613f2e26-407d-48c7-9eca-b8e91df99dc9", "green": "34098fce-860f-48ae-8e50-ebd3cc5e41da",
        "amber": "f88d31f6-486f-44da-b317-01333bde0b82", "red": "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"}
LEVEL_OF = {"marking-definition--" + tail: LEVELS.index(name) for table in (TLP1, TLP2) for name, tail in table.items()}
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]*--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HOME = "home"
WITHDRAWN = len(LEVELS)


def tlp(name):
    return "marking-definition--" + TLP2[name]


def level(text):
    """The number of a level as terms write it: "tlp:green"."""
    return LEVELS.index(text.removeprefix("tlp:"))


def reference_values(value):
    """Every value in a property that ends in _ref or _refs, at any depth."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name.endswith("_ref"):
                yield member
            elif name.endswith("_refs") and isinstance(member, list):
                yield from member
            yield from reference_values(member)
    elif isinstance(value, list):
        for member in value:
            yield from reference_values(member)


def references(obj):
    """The ids that an object refers to, without itself and the fixed definitions."""
    found = {v for v in reference_values(obj) if isinstance(v, str) and IDENTIFIER.fullmatch(v)}
    return found - LEVEL_OF.keys() - {obj["id"]}


@dataclasses.dataclass(frozen=True, eq=False)
class Submission:
    collection: str
    obj: dict
    source: str = HOME
    via: str = ""  # the agreement through which it came
    needs: frozenset = frozenset()

    @property
    def key(self):
        """What a reader tells entries by: feed, id and version."""
        return self.collection, self.obj["id"], moment(stamp(self.obj))


class World:
    """What stands in home's collections, and what home restricted."""

    def __init__(self):
        self.submissions = []
        self.restricted = {}  # id -> a number of LEVELS, WITHDRAWN for out of every feed

    def put(self, collection, objs, source=HOME, via=""):
        for obj in objs:
            self.submissions.append(Submission(collection, obj, source, via, frozenset(references(obj))))

    def take_out(self, collection, oid, source=HOME):
        """Deletes what a source supplied of an object, and gives it."""
        gone = [s for s in self.submissions if (s.collection, s.obj["id"], s.source) == (collection, oid, source)]
        self.submissions = [s for s in self.submissions if s not in gone]
        return [s.obj for s in gone]


class Agreement:
    """One agreement's terms, as they are written into its file, and what its feeds hold."""

    def __init__(self, name, partner, terms):
        self.name, self.partner, self.terms = name, partner, terms
        self.live = {}  # key of an entry -> the object as readers get it
        self.waiting = set()  # keys of what waits for what it refers to
        self.undecided = set()  # keys of versions that are stricter than what stands until somebody decides
        self.withdrawn = set()  # ids of which older versions were taken out by decision
        self.restricted = {}

    def settle(self, world, now=None):
        """Judges all of the world anew. now is for the age of objects."""
        terms, now = self.terms, now or datetime.datetime.now(datetime.timezone.utc)
        self.restricted = world.restricted
        covered = [s for s in world.submissions if s.collection in terms["collections"]]
        held = {s.obj["id"] for s in covered}
        definitions = {s.obj["id"] for s in covered if "statement" in s.obj.get("definition", {})}
        known = {s.obj["id"] for s in world.submissions if s.collection in terms.get("vocabularies", [])}
        kept_back = {}  # (source, id) -> the newest version that its marking keeps back
        for s in covered:
            if not self._marked_within(s.obj, definitions):
                of = s.source, s.obj["id"]
                kept_back[of] = max(kept_back.get(of, ("", "")), moment(stamp(s.obj)))
        hopeful = [s for s in covered if self._may(s, definitions, held, kept_back, now)]
        able = [s for s in hopeful if self._marked_within(s.obj, definitions)]
        while terms.get("references", "closed") == "closed":
            there = known | {s.obj["id"] for s in able}
            closed = [s for s in able if s.needs <= there]
            if len(closed) == len(able):
                break
            able = closed
        self.live = {s.key: self._served(s.obj) for s in able}
        self.waiting = {s.key for s in hopeful} - self.live.keys()
        self.undecided = {(*s.key[:2], kept_back[s.source, s.obj["id"]]) for s in able if self._followed(s, kept_back)}

    def _followed(self, s, kept_back):
        """Its source has a newer version that its marking keeps back."""
        return kept_back.get((s.source, s.obj["id"]), ("", "")) > moment(stamp(s.obj))

    def _may(self, s, definitions, held, kept_back, now):
        """All rules but that of references. What a marking definition says that is not held
        is waited for, and refuses nothing."""
        obj, terms, stands = s.obj, self.terms, s.key in self.live
        if s.via and s.via != self.name:
            return False  # no terms here let it go on
        missing = self.restricted.get(obj["id"]) != WITHDRAWN and self._strange(obj) - held
        if not missing and not self._marked_within(obj, definitions):
            return False
        if obj["type"] != "marking-definition":
            if obj["type"] not in terms.get("types", [obj["type"]]) or obj["type"] in terms.get("except_types", []):
                return False
            if set(terms.get("except_labels", [])) & set(obj.get("labels", [])):
                return False
            if "age" in terms and not stands and now - instant(stamp(obj)) > datetime.timedelta(days=int(terms["age"].rstrip("d"))):
                return False
        asks = terms.get("stricter", "ask") == "ask" and obj["id"] not in self.withdrawn
        return not self._followed(s, kept_back) or stands and asks

    def _levels(self, obj):
        """The levels on the object and on its parts; None where there is none."""
        whole = [LEVEL_OF[m] for m in obj.get("object_marking_refs", []) if m in LEVEL_OF]
        parts = [LEVEL_OF[g["marking_ref"]] for g in obj.get("granular_markings", []) if g["marking_ref"] in LEVEL_OF]
        return max(whole, default=None), max(parts, default=None)

    def _strange(self, obj):
        return set(obj.get("object_marking_refs", [])) - LEVEL_OF.keys()

    def _marked_within(self, obj, definitions):
        if not self._strange(obj) <= definitions or self.restricted.get(obj["id"]) == WITHDRAWN:
            return False  # nobody knows what they ask for
        highest = level(self.terms["highest"])
        if obj["type"] == "marking-definition":
            return (self._levels(obj)[0] or 0) <= highest
        effective = self.effective(obj)
        return effective is not None and effective <= highest

    def effective(self, obj):
        """The level that counts, None where there is none."""
        whole, part = self._levels(obj)
        if whole is None:
            unmarked = self.terms.get("unmarked", "withhold")
            if unmarked == "withhold":
                return None
            whole = level(unmarked)
        return max(whole, part or 0, self.restricted.get(obj["id"], 0))

    def _served(self, obj):
        """The object as readers get it: stamped, where nothing marks it as a whole, or home
        is stricter than what it says of itself."""
        whole, part = self._levels(obj)
        if obj["type"] == "marking-definition" or whole is not None and self.effective(obj) <= max(whole, part or 0):
            return obj
        mark = tlp(LEVELS[self.effective(obj)])
        return {**obj, "object_marking_refs": [*obj.get("object_marking_refs", []), mark]}


def instant(text):
    """A timestamp to the microsecond."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{seconds}.{(fraction + '000000')[:6]}+00:00")


def components(objs):
    """The strongly connected components of objects by their references: id -> number.
    objs: id -> the ids that it refers to."""
    index, low, number, stack, path = {}, {}, {}, [], []
    for root in objs:
        if root in index:
            continue
        path.append((root, iter(objs[root])))
        index[root] = low[root] = len(index)
        stack.append(root)
        while path:
            node, rest = path[-1]
            for to in rest:
                if to not in objs:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    path.append((to, iter(objs[to])))
                    break
                if to not in number:
                    low[node] = min(low[node], index[to])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    while True:
                        member = stack.pop()
                        number[member] = index[node]
                        if member == node:
                            break
    return number


def check_prefixes(entries, known=frozenset()):
    """Every prefix of what was read is closed: each reference leads to what came before, is
    known to all, or lies within one component, whose entries follow each other. Gives how
    many objects are in components of several."""
    first, needs = {}, {}
    for at, obj in enumerate(entries):
        first.setdefault(obj["id"], at)
        needs.setdefault(obj["id"], set()).update(references(obj))
    of = components(needs)
    inside = {}
    for oid, number in of.items():
        inside.setdefault(number, []).append(first[oid])
    for at, obj in enumerate(entries):
        for to in references(obj) - known:
            if to not in first:
                raise AssertionError(f"{obj['id']} at {at} refers to {to}, which is not there")
            if first[to] > at:
                if of[to] != of[obj["id"]]:
                    raise AssertionError(f"{obj['id']} at {at} refers to {to}, which comes at {first[to]} and not with it")
                places = inside[of[to]]
                if max(places) - min(places) != len(places) - 1:
                    raise AssertionError(f"the component of {to} does not stand together: {sorted(places)}")
    return sum(len(places) for places in inside.values() if len(places) > 1)
