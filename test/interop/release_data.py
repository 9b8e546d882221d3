"""The sets of objects for the test of agreements: published intelligence where it is, else
made-up sets of the same shape; and DISARM's with markings written into copies of it."""

import glob
import os
import random
import uuid

import exact
import generate
from release_reference import TLP1, references, tlp
from servers import literal

ICS, DISARM, MVT = "ATT&CK ICS", "DISARM", "MVT"
LATER = "2026-02-01T00:00:00.000Z"  # a version of DISARM's that is newer than those published


def read(path):
    with open(path, encoding="utf-8") as file:
        return exact.parse(file.read())["objects"]


def write(path, objs):
    with open(path, "w", encoding="utf-8") as file:
        file.write(generate.write_json({"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": literal(objs)}))
    return path


def load(directory):
    """The objects of each collection, and whether they are the published ones."""
    ics = os.path.join(directory, "attack-ics", "ics-attack-18.1.json")
    disarm = os.path.join(directory, "disarm", "DISARM.json")
    mvt = sorted(glob.glob(os.path.join(directory, "mvt", "*.stix2")))
    if os.path.exists(ics) and os.path.exists(disarm) and len(mvt) == 5:
        return {ICS: read(ics), DISARM: read(disarm), MVT: [o for path in mvt for o in read(path)]}, True
    return {ICS: like_ics(), DISARM: like_disarm(), MVT: like_mvt()}, False


def newer(obj, mark, when=LATER, **more):
    """A newer version of an object, with one level of TLP."""
    rest = [m for m in obj.get("object_marking_refs", []) if m not in TLPS]
    return {**obj, "modified": when, "object_marking_refs": [*rest, tlp(mark)], **more}


TLPS = {tlp(name) for name in ("clear", "green", "amber", "amber+strict", "red")} | {"marking-definition--" + t for t in TLP1.values()}


def mark(objs, seed):
    """Copies of objects with TLP: of the attack-patterns and of the relationships a tenth
    AMBER, a twentieth RED (both in the ids of TLP 1 and of TLP 2.0) and a twentieth without,
    the rest GREEN; of some a part is marked more strictly. One tactic is AMBER; everything
    else is GREEN. Of eight there is a newer version too, RED of four."""
    rng, marks = random.Random(seed), {}
    for kind in ("attack-pattern", "relationship"):
        ids = [o["id"] for o in objs if o["type"] == kind]
        rng.shuffle(ids)
        tenth, twentieth = round(len(ids) / 10), round(len(ids) / 20)
        marks.update(dict.fromkeys(ids[:tenth], "amber"))
        marks.update(dict.fromkeys(ids[tenth:tenth + twentieth], "red"))
        marks.update(dict.fromkeys(ids[tenth + twentieth:tenth + 2 * twentieth], ""))
    marks[rng.choice([o["id"] for o in objs if o["type"] == "x-mitre-tactic"])] = "amber"
    out = []
    for obj in objs:
        if obj["type"] == "marking-definition":
            out.append(obj)
            continue
        name = marks.get(obj["id"], "green")
        with_tlp = tlp(name) if name else None
        if name in ("amber", "red") and rng.random() < 0.5:
            with_tlp = "marking-definition--" + TLP1[name]
        refs = [*obj.get("object_marking_refs", []), *([with_tlp] if with_tlp else [])]
        obj = {**obj, **({"object_marking_refs": refs} if refs else {})}
        if obj["type"] == "attack-pattern" and name in ("green", "") and rng.random() < 0.03:
            obj["granular_markings"] = [{"marking_ref": tlp("amber"), "selectors": ["description"]}]
        out.append(obj)
    green = [o for o in out if o["type"] == "attack-pattern" and marks.get(o["id"], "green") == "green" and "granular_markings" not in o]
    for n, obj in enumerate(rng.sample(green, 8)):
        out.append(newer(obj, "red" if n % 2 else "green", when="2025-06-01T00:00:00.000Z", description="A newer version."))
    rng.shuffle(out)  # much comes before what it refers to
    return out


def often_named(objs, oid):
    return sum(oid in references(o) for o in objs)


def picked(run, count):
    """Attack patterns of DISARM that were GREEN and in one version at first, those that are
    referred to most first. The same call gives the same ones, whatever has changed."""
    objs = run.sets[DISARM]
    versions = [o["id"] for o in objs]
    out = [o for o in objs if o["type"] == "attack-pattern" and versions.count(o["id"]) == 1
           and tlp("green") in o.get("object_marking_refs", []) and "granular_markings" not in o]
    return sorted(out, key=lambda o: (-often_named(objs, o["id"]), o["id"]))[:count]


# Sets of the same shape, for where the published ones are not.

def sdo(kind, name, **more):
    return {"type": kind, "spec_version": "2.1", "id": generate.identify(kind, name), "created": "2024-01-01T00:00:00.000Z",
            "modified": "2024-01-01T00:00:00.000Z", **({} if kind == "relationship" else {"name": name}), **more}


def statement(name, maker):
    return {"type": "marking-definition", "spec_version": "2.1", "id": generate.identify("marking-definition", name), "created_by_ref": maker,
            "created": "2024-01-01T00:00:00.000Z", "definition_type": "statement", "definition": {"statement": f"Example, {name}"}}


def link(rng, name, count, of, kind, **more):
    return [sdo("relationship", f"{name} {n}", relationship_type=kind, source_ref=a["id"], target_ref=b["id"], **more)
            for n, (a, b) in enumerate(rng.sample(of, 2) for _ in range(count))]


def like_ics():
    rng = random.Random(1)
    maker = sdo("identity", "Example framework", identity_class="organization")
    definition = statement("framework", maker["id"])
    common = {"created_by_ref": maker["id"], "object_marking_refs": [definition["id"]]}
    maker["object_marking_refs"] = [definition["id"]]
    techniques = [sdo("attack-pattern", f"technique {n}", **common) for n in range(60)]
    measures = [sdo("course-of-action", f"measure {n}", labels=["one"] if n % 5 == 0 else ["two"], **common) for n in range(20)]
    parts = [sdo("x-mitre-data-component", f"component {n}", x_mitre_data_source_ref="", **common) for n in range(5)]
    links = link(rng, "ics", 150, techniques + measures, "related-to", **common)
    objs = [*links, *techniques, *measures, *parts, maker, definition]
    contents = [{"object_ref": o["id"], "object_modified": o.get("modified", o["created"])} for o in objs]
    return [sdo("x-mitre-collection", "all of it", x_mitre_contents=contents, **common), *objs]


def like_disarm():
    rng = random.Random(2)
    maker = sdo("identity", "Example influence desk", identity_class="organization")
    definition = statement("influence", maker["id"])
    techniques = [sdo("attack-pattern", f"influence {n}", description="Example.", created_by_ref=maker["id"], object_marking_refs=[definition["id"]])
                  for n in range(200)]
    tactics = [sdo("x-mitre-tactic", f"tactic {n}", created_by_ref=maker["id"]) for n in range(8)]
    matrix = sdo("x-mitre-matrix", "matrix", tactic_refs=[t["id"] for t in tactics])
    return [matrix, maker, definition, *tactics, *techniques, *link(rng, "influence", 150, techniques, "subtechnique-of")]


def like_mvt():
    out = []
    for n, year in enumerate(("2021", "2022", "2022", "2026", "2026")):
        dates = {"created": f"{year}-03-01T00:00:0{n}.000Z", "modified": f"{year}-03-01T00:00:0{n}.000Z"}
        family = {**sdo("malware", f"family {n}", is_family=True), **dates}
        for k in range(30):
            indicator = {**sdo("indicator", f"indicator {n} {k}", pattern=f"[domain-name:value = 'h{k}.example.com']", pattern_type="stix",
                               valid_from=dates["created"]), **dates}
            out += [indicator, {**sdo("relationship", f"indicates {n} {k}", relationship_type="indicates", source_ref=indicator["id"],
                                      target_ref=family["id"]), **dates}]
        out.append(family)
    return out
