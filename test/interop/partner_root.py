"""The root of an agreement as its partners use it: reads, posts, statuses and deletes, by
the unmodified taxii2-client."""

import uuid

from taxii2client.exceptions import AccessError
from taxii2client.v21 import Status, as_pages

from checks import answers, check, equal, objects, pages, true
from realdata import moment, stamp
from release_data import DISARM, ICS, LATER, newer, sdo
from release_reference import tlp

INFLUENCE, PARTNER, OTHERS = "influence", "Delta CERT", ("frameworks", "techniques")


def stamps(objs):
    return [(o["id"], stamp(o)) for o in objs]


def green(**more):
    return {"object_marking_refs": [tlp("green")], **more}


def check_reads(run, reader, feed):
    entries = [o for page in pages(as_pages(feed.get_objects, version="all", per_request=83)) for o in page["objects"]]
    several = next(o["id"] for o in entries if moment(stamp(o)) == moment(LATER))
    versions = [stamp(o) for o in entries if o["id"] == several]
    with check("a partner's root: small pages, types, ids and versions select among what is released"):
        equal(stamps(entries), stamps(reader.read(DISARM)[0]), "small pages and large ones")
        latest = {}
        for oid, version in stamps(entries):
            latest[oid] = max(latest.get(oid, version), version, key=moment)
        equal(dict(stamps(objects(pages(as_pages(feed.get_objects, per_request=83))))), latest, "latest versions")
        tactics = [o for o in entries if o["type"] == "x-mitre-tactic"]
        equal(stamps(feed.get_objects(type="x-mitre-tactic")["objects"]), stamps(tactics), "one type")
        true(len(versions) > 1, f"{several} has one version: this checks nothing")
        for version, want in (("all", sorted(versions, key=moment)), ("first", [min(versions, key=moment)]),
                              ("last", [max(versions, key=moment)]), (versions[0], [versions[0]])):
            equal(sorted([stamp(o) for o in feed.get_objects(id=several, version=version)["objects"]], key=moment), want, f"objects, version {version}")
            equal(sorted([stamp(o) for o in feed.get_object(several, version=version)["objects"]], key=moment), want, f"object, version {version}")
            equal(sorted([r["version"] for r in feed.get_manifest(id=several, version=version)["objects"]], key=moment), want, f"manifest, version {version}")
        equal(sorted(feed.object_versions(several)["versions"], key=moment), sorted(versions, key=moment), "versions")
    with check("a partner's root: added_after, and the malformed"):
        records = reader.manifest(DISARM)
        after = feed.get_manifest(version="all", added_after=records[-4]["date_added"])["objects"]
        equal(after, records[-3:], "the last three")
        for wrong in ({"version": "garbage"}, {"added_after": "yesterday"}, {"next": "garbage"}):
            with answers(400):
                feed.get_objects(**wrong)
        theirs = run.reader(OTHERS[0]).collection(DISARM).get_objects(limit=3, version="all")
        with answers(400):  # a cursor of another feed over the same collection
            feed.get_objects(limit=3, version="all", next=theirs["next"])
    with check("a partner's root: the withheld, what is not covered and what there never was answer 404"):
        hidden = [s.obj["id"] for s in run.world.submissions if s.collection == DISARM and reader.agreement.effective(s.obj) == 4]
        hidden = next(oid for oid in hidden if all(k[1] != oid for k in reader.agreement.live))
        for oid in (hidden, run.sets[ICS][0]["id"], f"tool--{uuid.uuid4()}"):
            for ask in (feed.get_object, feed.object_versions, feed.delete_object):
                with answers(404):
                    ask(oid)
            true("objects" not in feed.get_manifest(id=oid, version="all"), f"{oid} is in the manifest")
    return hidden


def contributions(run, hidden):
    """What the partner posts: name -> object."""
    maker = sdo("identity", "Delta CERT's desk", identity_class="organization", **green())
    pattern = sdo("attack-pattern", "seen by Delta", created_by_ref=maker["id"], **green())
    ics = next(o for o in run.sets[ICS] if o["type"] == "attack-pattern")
    live = {k[1] for k in run.agreement(INFLUENCE).live}
    disarm = [o for o in run.sets[DISARM] if o["type"] == "attack-pattern" and o["id"] in live and tlp("green") in o.get("object_marking_refs", [])]

    def link(name, to):
        return sdo("relationship", name, relationship_type="related-to", source_ref=pattern["id"], target_ref=to, **green())
    return {
        "link before what it links": link("to DISARM", disarm[0]["id"]),
        "maker": maker,
        "pattern": pattern,
        "link to a vocabulary": link("to ATT&CK", ics["id"]),
        "link to the withheld": link("to the withheld", hidden),
        "amber": sdo("malware", "under watch", is_family=True, object_marking_refs=[tlp("amber")]),
        "red": sdo("tool", "for named persons", object_marking_refs=[tlp("red")]),
        "unmarked": sdo("tool", "without a marking"),
        "the same as home's": disarm[1],
        "a version of home's object": newer(disarm[2], "green", when="2026-03-01T00:00:00.000Z", description="As Delta sees it."),
    }, disarm[3]


def check_posts(run, reader, feed, posted):
    with check("a partner posts: each object its own result, a status of its own"):
        bad = {**posted["pattern"], "id": "tool--1"}
        status = feed.add_objects({"objects": [*posted.values(), bad]})
        equal((status.status, status.success_count, status.failure_count), ("complete", len(posted), 1), "status")
        equal(sorted(s["id"] for s in status.successes), sorted(o["id"] for o in posted.values()), "successes")
        equal(reader.root.get_status(status.id).success_count, len(posted), "successes, asked again")
        other = run.reader(OTHERS[0])
        for url in (f"{reader.root.url}status/{status.id}/", f"{other.root.url}status/{status.id}/"):
            with answers(404):
                Status(url, **other.login).refresh()
        run.world.put(DISARM, posted.values(), source=PARTNER, via=INFLUENCE)
        run.settle()
    run.compare("a partner posts")
    with check("a partner posts: what waits, is too strict or unmarked answers 404 to itself too"):
        live = {(k[1], k[2]) for k in reader.agreement.live}
        for name, obj in posted.items():
            released = (obj["id"], moment(stamp(obj))) in live
            equal(released, name not in ("link to the withheld", "red", "unmarked"), f"whether the reference releases {name}")
            if released:
                equal(feed.get_object(obj["id"], version=stamp(obj))["objects"], [obj], name)
            else:
                with answers(404):
                    feed.get_object(obj["id"])
    with check("a partner posts: nobody else sees it, and home does"):
        for name in OTHERS:
            mine = {(obj["id"], stamp(obj)) for what, obj in posted.items() if what != "the same as home's"}
            equal(sorted(mine & set(stamps(run.reader(name).read(DISARM)[0]))), [], f"in {name}")
        equal(stamps(run.collections[DISARM].get_object(posted["red"]["id"])["objects"]), stamps([posted["red"]]), "at home")
    with check("a partner posts again: a success, and nothing new"):
        before = reader.manifest(DISARM)
        equal(feed.add_objects({"objects": list(posted.values())}).success_count, len(posted), "successes")
        run.settle()
        equal(reader.manifest(DISARM), before, "manifest")


def check_deletes(run, reader, feed, posted, homes):
    with check("a partner deletes its own, released or not, and nobody else's"):
        with answers(403):
            feed.delete_object(homes["id"])
        for name in ("link to the withheld", "red", "pattern", "a version of home's object"):
            obj = posted[name]
            feed.delete_object(obj["id"], **({"version": stamp(obj)} if name.startswith("a version") else {}))
            run.world.take_out(DISARM, obj["id"], source=PARTNER)
        for name in ("link to the withheld", "red"):
            with answers(404):
                feed.delete_object(posted[name]["id"])
        run.settle()
    run.compare("a partner deletes its own: what refers to it leaves")
    with check("a partner deletes its own: home's version of the object stays"):
        oid = posted["a version of home's object"]["id"]
        equal(len(feed.object_versions(oid)["versions"]), 1, "versions")


def check_rights(run):
    reader = run.reader(OTHERS[0])
    feed = reader.collection(DISARM)
    with check("a partner that only receives: can_write is false, and the node holds to it"):
        try:
            feed.add_objects({"objects": []})
            raise AssertionError("the client let it write")
        except AccessError:
            pass
        oid = feed.get_objects(limit=1)["objects"][0]["id"]
        feed._can_write = True  # past the client's own check, to ask the node
        with answers(403):
            feed.add_objects({"objects": []})
        with answers(403):
            feed.delete_object(oid)


def check_all(run):
    """All of it, in the agreement whose partner contributes."""
    reader = run.reader(INFLUENCE)
    feed = reader.collection(DISARM)
    hidden = check_reads(run, reader, feed)
    posted, homes = contributions(run, hidden)
    check_posts(run, reader, feed, posted)
    check_deletes(run, reader, feed, posted, homes)
    check_rights(run)
