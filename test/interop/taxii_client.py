"""Drives the unmodified taxii2-client against a node: every method, every filter."""

import datetime
import json
import re
import uuid

import requests
from requests.auth import AuthBase
from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import ApiRoot, Collection, Server, Status, as_pages

from checks import MEDIA_TYPE, Wire, answers, arguments, check, equal, objects, pages, true

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
STIX21 = "application/stix+json;version=2.1"
V1, V2, V3, V4 = "2024-01-01T00:00:00.000Z", "2024-02-01T00:00:00.123456Z", "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"


class BearerAuth(AuthBase):
    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = "Bearer " + self.token
        return request


class Content:
    """Objects with ids of their own for one collection."""

    def __init__(self, collection):
        self.space = uuid.UUID(collection)

    def id(self, kind, name):
        return f"{kind}--{uuid.uuid5(self.space, kind + name)}"

    def sdo(self, kind, name, modified=V1, **more):
        obj = {"type": kind, "spec_version": "2.1", "id": self.id(kind, name),
               "created": V1, "modified": modified, "name": name, **more}
        if kind == "indicator":
            obj.update(pattern_type="stix", pattern="[url:value = 'http://example.com/%s']" % name, valid_from=V1)
        if kind == "malware":
            obj["is_family"] = False
        return obj

    def url(self, value):
        return {"type": "url", "spec_version": "2.1", "id": self.id("url", value), "value": value}


def stamp(obj):
    return obj.get("modified", obj.get("created"))


def keys(objs):
    return [(obj["id"], stamp(obj)) for obj in objs]


def check_discovery(args, login):
    server = Server(args.url + "/taxii2/", verify=login["verify"], user=args.user, password=args.password)
    wire = Wire(server)
    with check("discovery: title, roots, default, media type"):
        true(server.title, "no title")
        true(server.api_roots, "no API roots")
        true(server.default is not None, "the default is none of the API roots")
        true(any(root.url == args.url + "/api1/" for root in server.api_roots), "no /api1/ among the roots")
        equal(wire.last().headers["Content-Type"].replace(" ", ""), MEDIA_TYPE, "Content-Type")
        equal(server.custom_properties, {}, "properties that the standard does not know")
    with check("discovery: refresh, without a trailing slash, close"):
        server.refresh()
        server.close()
        with Server(args.url + "/taxii2", **login) as again:
            equal(again.title, server.title, "title")


def check_root(args, login):
    root = ApiRoot(args.url + "/api1/", **login)
    with check("API root: title, versions, max_content_length"):
        true(root.title, "no title")
        true(MEDIA_TYPE in root.versions, f"versions {root.versions}")
        true(isinstance(root.max_content_length, int) and root.max_content_length > 0, "max_content_length")
    with check("API root: refresh, refresh_information, refresh_collections"):
        root.refresh()
        root.refresh_information()
        root.refresh_collections()
    with check("collections: stable order, ours is there with its rights"):
        ids = [c.id for c in root.collections]
        equal(ids, sorted(ids), "order of the collections")
        ours = [c for c in root.collections if c.id == args.collection]
        equal(len(ours), 1, "collections with our id")
        equal((ours[0].can_read, ours[0].can_write), (True, True), "rights")
    with check("collection: the same alone as in the list"):
        alone = Collection(f"{args.url}/api1/collections/{args.collection}/", **login)
        equal(alone._raw, ours[0]._raw, "collection")
        alone.refresh()
        true(alone.title, "no title")
        true(STIX21 in alone.media_types, f"media_types {alone.media_types}")
        equal(alone.custom_properties, {}, "properties that the standard does not know")
    return root, alone


def check_empty(collection):
    with check("an empty collection: objects, manifest"):
        for envelope in (collection.get_objects(), collection.get_manifest()):
            true("objects" not in envelope and not envelope.get("more"), f"not empty: {envelope}")


def check_add(root, collection, content):
    """Posts in every way that the client knows. Returns what the collection then holds,
    in order, all versions."""
    indicators = [content.sdo("indicator", f"indicator {n}") for n in range(30)]
    malware = [content.sdo("malware", f"malware {n} – ünïcödé 𝄞") for n in range(20)]
    urls = [content.url(f"http://example.com/{n}") for n in range(5)]
    revised = [content.sdo("campaign", "revised", modified=v) for v in (V1, V2, V3)]

    with check("add_objects: a dict, waiting until it is complete"):
        status = collection.add_objects({"objects": indicators})
        true(bool(status), f"the status is {status.status}")
        equal((status.total_count, status.success_count, status.failure_count, status.pending_count), (30, 30, 0, 0), "counts")
        equal(sorted(s["id"] for s in status.successes), sorted(o["id"] for o in indicators), "successes")
        true(all(s["version"] == V1 for s in status.successes), "a success names another version")
        true(TIMESTAMP.fullmatch(status.request_timestamp), f"request_timestamp {status.request_timestamp}")
    with check("status: refresh, get_status, by its URL"):
        before = status._raw
        status.refresh()
        equal(status._raw, before, "status after refresh")
        equal(root.get_status(status.id)._raw, before, "status from get_status")
        url = f"{root.url}status/{status.id}/"
        equal(Status(url, conn=root._conn)._raw, before, "status by its URL")
    with check("status: one that there is not"), answers(404):
        root.get_status(str(uuid.uuid4()))
    with check("add_objects: text, without waiting, then wait_until_final"):
        status = collection.add_objects(json.dumps({"objects": malware}), wait_for_completion=False)
        status.wait_until_final(poll_interval=0.2, timeout=20)
        equal((status.status, status.success_count), ("complete", 20), "status")
    with check("add_objects: bytes, several versions of one object, observables"):
        status = collection.add_objects(json.dumps({"objects": revised + urls}).encode())
        equal((status.status, status.success_count), ("complete", 8), "status")
    with check("add_objects: a bad object does not fail the good ones"):
        good = content.sdo("tool", "good")
        bad = dict(content.sdo("tool", "bad"), id=content.id("malware", "bad"))
        status = collection.add_objects({"objects": [bad, good]})
        equal((status.success_count, status.failure_count), (1, 1), "counts")
        equal(status.successes[0]["id"], good["id"], "the success")
        equal(status.failures[0]["id"], bad["id"], "the failure")
        true(status.failures[0].get("message"), "a failure without a message")
    everything = indicators + malware + revised + urls + [good]
    with check("add_objects: a duplicate succeeds and adds nothing"):
        before = collection.get_manifest(version="all", id=indicators[0]["id"])
        status = collection.add_objects({"objects": [indicators[0]]})
        equal((status.status, status.success_count), ("complete", 1), "status")
        equal(collection.get_manifest(version="all", id=indicators[0]["id"]), before, "manifest")
    for body in ('{"objects": [', '{"objects": "none"}', "[]", "null", ""):
        with check(f"add_objects: what is no envelope is refused: {body!r}"), answers(400, 422):
            collection.add_objects(body)
    return everything


def check_read(collection, everything):
    latest = [o for o in everything if stamp(o) not in (V1, V2) or o["type"] != "campaign"]
    with check("get_objects: every object in its latest version, in order of arrival"):
        equal(objects(pages(as_pages(collection.get_objects))), latest, "objects")
    with check("get_objects: all versions"):
        equal(objects(pages(as_pages(collection.get_objects, version="all"))), everything, "objects")
    with check("as_pages(get_objects, per_request=7): full pages, nothing twice, nothing lost"):
        got = pages(as_pages(collection.get_objects, per_request=7, version="all"))
        equal([len(page["objects"]) for page in got[:-1]], [7] * (len(got) - 1), "sizes of the pages")
        equal(objects(got), everything, "objects")
    with check("as_pages(get_manifest), with per_request and without"):
        manifest = objects(pages(as_pages(collection.get_manifest, version="all")))
        equal(objects(pages(as_pages(collection.get_manifest, per_request=9, version="all"))), manifest, "manifest by pages")
        equal([r["id"] for r in manifest], [o["id"] for o in everything], "ids")
        equal([r["version"] for r in manifest if not r["id"].startswith("url")],
              [stamp(o) for o in everything if o["type"] != "url"], "versions")
        equal({r["media_type"] for r in manifest}, {STIX21}, "media types")
        dates = [r["date_added"] for r in manifest]
        true(all(TIMESTAMP.fullmatch(d) for d in dates), "a date_added is no TAXII timestamp")
        equal(dates, sorted(set(dates)), "dates: strictly ascending")
    with check("headers: the first and last date added of a page"):
        wire = Wire(collection)
        for get, more in ((collection.get_objects, {}), (collection.get_manifest, {}),
                          (collection.get_object, {"obj_id": manifest[1]["id"]}), (collection.object_versions, {"obj_id": manifest[1]["id"]})):
            get(**more, **({"limit": 5} if not more else {}))
            headers = wire.last().headers
            first, last = (manifest[0], manifest[4]) if not more else (manifest[1], manifest[1])
            equal(headers.get("X-TAXII-Date-Added-First"), first["date_added"], f"first date of {get.__name__}")
            equal(headers.get("X-TAXII-Date-Added-Last"), last["date_added"], f"last date of {get.__name__}")
    return manifest


def check_filters(collection, everything, manifest, content):
    def ids(**filters):
        return keys(objects(pages(as_pages(collection.get_objects, **filters))))

    def records(**filters):
        return objects(pages(as_pages(collection.get_manifest, **filters)))

    revised = content.id("campaign", "revised")
    for get, name in ((ids, "objects"), (lambda **f: [(r["id"], r["version"]) for r in records(**f)], "manifest")):
        with check(f"filters on {name}: type, id, several of each"):
            malware = [k for k in keys(everything) if k[0].startswith("malware")]
            equal(get(type="malware"), malware, "type=malware")
            equal(get(type=["malware", "campaign"]), malware + [(revised, V3)], "two types")
            equal(get(id=malware[3][0]), [malware[3]], "id")
            equal(get(id=[malware[3][0], revised]), [malware[3], (revised, V3)], "two ids")
            equal(get(type="malware", id=revised), [], "type and id that do not meet")
        with check(f"filters on {name}: version first, last, all, exact, several"):
            equal(get(id=revised, version="first"), [(revised, V1)], "first")
            equal(get(id=revised, version="last"), [(revised, V3)], "last")
            equal(get(id=revised, version="all"), [(revised, v) for v in (V1, V2, V3)], "all")
            equal(get(id=revised, version=V2), [(revised, V2)], "exact")
            equal(get(id=revised, version=["first", "last"]), [(revised, V1), (revised, V3)], "first and last")
            equal(get(id=revised, version=[V1, V3]), [(revised, V1), (revised, V3)], "two exact")
            equal(get(id=revised, version="2023-01-01T00:00:00Z"), [], "one that there is not")
        with check(f"filters on {name}: versions are instants, however they are written"):
            equal(get(id=revised, version="2024-03-01T00:00:00.000Z"), [(revised, V3)], "written longer")
            moment = datetime.datetime(2024, 2, 1, 0, 0, 0, 123456, tzinfo=datetime.timezone.utc)
            equal(get(id=revised, version=moment), [(revised, V2)], "a datetime")
        with check(f"filters on {name}: added_after, as text and as a datetime"):
            wanted = [r["id"] for r in manifest[40:]]
            after = manifest[39]["date_added"]
            equal([k[0] for k in get(added_after=after, version="all")], wanted, "after the fortieth")
            moment = datetime.datetime.fromisoformat(after.replace("Z", "+00:00"))
            equal([k[0] for k in get(added_after=moment, version="all")], wanted, "the same as a datetime")
            equal(get(added_after=manifest[-1]["date_added"]), [], "after the last")
            equal(len(get(added_after="2020-01-01T00:00:00Z", version="all")), len(everything), "after long ago")
    with check("limit: never more, and next goes on from there"):
        first = collection.get_objects(limit=3, version="all")
        equal((keys(first["objects"]), first["more"]), (keys(everything[:3]), True), "three")
        true(isinstance(first["next"], str) and first["next"], "no next")
        second = collection.get_objects(limit=3, version="all", next=first["next"])
        equal(keys(second["objects"]), keys(everything[3:6]), "the next three")
        again = collection.get_objects(limit=3, version="all", next=first["next"])
        equal((again["objects"], again["more"]), (second["objects"], second["more"]), "the same page again")
        equal(keys(collection.get_objects(limit=len(everything) + 5, version="all")["objects"]), keys(everything), "a limit beyond the end")
    with check("an incremental client with added_after and limit alone loses nothing"):
        wire, got, after = Wire(collection), [], None
        while len(got) < len(everything):
            page = collection.get_objects(limit=11, version="all", added_after=after)
            true(page.get("objects"), f"it ended after {len(got)}")
            got += page["objects"]
            after = wire.last().headers["X-TAXII-Date-Added-Last"]
        equal(got, everything, "objects")
    for parameters in ({"version": "garbage"}, {"added_after": "yesterday"}, {"next": "garbage"}, {"version": ["all", "last"]}):
        with check(f"a malformed filter is refused: {parameters}"), answers(400):
            collection.get_objects(**parameters)


def check_object(collection, content, everything, manifest):
    revised = content.id("campaign", "revised")
    with check("get_object: latest, all, first, exact, several versions"):
        for version, want in ((None, [V3]), ("all", [V1, V2, V3]), ("first", [V1]), (V2, [V2]), ([V1, V2], [V1, V2])):
            got = objects(pages(as_pages(collection.get_object, obj_id=revised, version=version)))
            equal(keys(got), [(revised, v) for v in want], f"version {version}")
    with check("get_object: value for value as it was sent"):
        for obj in everything[30], everything[-2]:
            equal(collection.get_object(obj["id"])["objects"], [obj], "object")
    with check("get_object: an observable by the version that its manifest names"):
        record = next(r for r in manifest if r["id"].startswith("url"))
        equal([o["id"] for o in collection.get_object(record["id"], version=record["version"])["objects"]], [record["id"]], "object")
        equal(collection.object_versions(record["id"])["versions"], [record["version"]], "versions")
    with check("get_object, object_versions: one that there is not"):
        for get in (collection.get_object, collection.object_versions):
            with answers(404):
                get(content.id("campaign", "never sent"))
    with check("object_versions: the strings as in the objects"):
        equal(sorted(collection.object_versions(revised)["versions"]), [V1, V2, V3], "versions")
        equal(collection.object_versions(revised, limit=2)["more"], True, "more, with a limit of 2")


def check_spec_version(collection, content):
    old = content.sdo("course-of-action", "both")
    del old["spec_version"]
    new = content.sdo("course-of-action", "both", modified=V2)
    only_old = content.sdo("course-of-action", "only 2.0")
    del only_old["spec_version"]

    def get(**filters):
        return objects(pages(as_pages(collection.get_objects, type="course-of-action", **filters)))

    with check("spec_version: STIX 2.0 and 2.1 side by side"):
        status = collection.add_objects({"objects": [old, new, only_old]})
        equal((status.success_count, status.failure_count), (3, 0), "counts")
        equal(get(), [new, only_old], "without a filter: the latest specification of each")
        equal(get(spec_version="2.1"), [new], "2.1")
        equal(get(spec_version="2.0"), [old, only_old], "2.0")
        equal(get(spec_version=["2.0", "2.1"], version="all"), [old, new, only_old], "both")
        equal(objects([collection.get_object(old["id"], spec_version="2.0")]), [old], "get_object, 2.0")
        equal(collection.object_versions(old["id"], spec_version="2.0")["versions"], [V1], "object_versions, 2.0")
        media = {r["id"]: r["media_type"] for r in collection.get_manifest(type="course-of-action")["objects"]}
        equal(media[only_old["id"]], "application/stix+json;version=2.0", "media type of 2.0")


def check_delete(collection, content):
    revised = content.id("campaign", "revised")
    with check("delete_object: one version"):
        collection.delete_object(revised, version=V2)
        equal(sorted(collection.object_versions(revised)["versions"]), [V1, V3], "versions left")
        equal([r["version"] for r in collection.get_manifest(id=revised, version="all")["objects"]], [V1, V3], "manifest")
    with check("delete_object: the last version; the one before becomes the last"):
        collection.delete_object(revised, version="last")
        equal(keys(collection.get_object(revised)["objects"]), [(revised, V1)], "object")
    with check("delete_object: all of an object; it is gone everywhere"):
        collection.delete_object(revised, version="all")
        for get in (collection.get_object, collection.object_versions, collection.delete_object):
            with answers(404):
                get(revised)
        true("objects" not in collection.get_manifest(id=revised, version="all"), "it is in the manifest")
    with check("delete_object: what was deleted stays deleted, and a newer version comes in"):
        status = collection.add_objects({"objects": [content.sdo("campaign", "revised", modified=V3)]})
        equal((status.success_count, status.failure_count), (0, 1), "successes and failures")
        true("deleted" in status.failures[0]["message"], "the failure does not say why")
        status = collection.add_objects({"objects": [content.sdo("campaign", "revised", modified=V4)]})
        equal(status.success_count, 1, "successes")
        equal(collection.object_versions(revised)["versions"], [V4], "versions")


def check_rights(args, login):
    url = f"{args.url}/api1/collections/{args.collection}/"
    others = {"verify": login["verify"], "password": args.password}
    with check("a reader: can_write is false, and the node holds to it"):
        reader = Collection(url, user=args.reader, **others)
        equal((reader.can_read, reader.can_write), (True, False), "rights")
        true(reader.get_objects(limit=1)["objects"], "it reads nothing")
        try:
            reader.add_objects({"objects": []})
            raise AssertionError("the client let it write")
        except AccessError:
            pass
        objid = reader.get_objects(limit=1)["objects"][0]["id"]
        reader._can_write = True  # past the client's own check, to ask the node
        with answers(403):
            reader.add_objects({"objects": []})
        with answers(403):
            reader.delete_object(objid)
    with check("a stranger: the collection is not there"):
        root = ApiRoot(args.url + "/api1/", user=args.stranger, **others)
        true(args.collection not in [c.id for c in root.collections], "it is in the list")
        with answers(404):
            Collection(url, user=args.stranger, **others).refresh()
    with check("no sign-in and wrong ones: 401 everywhere"):
        verify = login["verify"]
        for wrong in ({"user": args.user, "password": "wrong"}, {"user": "nobody", "password": "wrong"},
                      {"auth": TokenAuth("wrong")}, {"auth": BearerAuth("wrong")}, {}):
            for place in (Server(args.url + "/taxii2/", verify=verify, **wrong), ApiRoot(args.url + "/api1/", verify=verify, **wrong),
                          Collection(url, verify=verify, **wrong)):
                with answers(401):
                    place.refresh()


def check_tokens(args, login, manifest):
    for auth in (TokenAuth(args.token), BearerAuth(args.token)):
        with check(f"sign-in with a token: {type(auth).__name__}"):
            server = Server(args.url + "/taxii2/", verify=login["verify"], auth=auth)
            collection = next(c for c in server.default.collections if c.id == args.collection)
            equal(collection.get_manifest(limit=1)["objects"], manifest[:1], "manifest")
            equal(collection.add_objects({"objects": [Content(args.collection).sdo("tool", "good")]}).success_count, 1, "successes")


def check_roots(args, login):
    others = {"verify": login["verify"], "password": args.password}
    with check("API roots: a second one, for who sees a collection in it"):
        server = Server(args.url + "/taxii2/", **login)
        equal([root.url for root in server.api_roots], [args.url + "/api1/", args.url + "/second/"], "API roots")
        equal(server.default.url, args.url + "/api1/", "the default")
        second = server.api_roots[1]
        equal((second.title, second.max_content_length), ("Second", 2000), "title and longest body")
        collection = second.collections[0]
        equal((len(second.collections), collection.alias, collection.can_write), (1, "twin", True), "its collection")
        status = collection.add_objects({"objects": [Content(collection.id).sdo("tool", "in the second root")]})
        equal(status.success_count, 1, "successes")
        equal(Status(f"{args.url}/second/status/{status.id}/", **login).success_count, 1, "successes, asked again")
        with answers(404):
            Status(f"{args.url}/api1/status/{status.id}/", **login).refresh()
        with answers(413):
            collection.add_objects({"objects": [Content(collection.id).sdo("tool", "x" * 2000)]})
    with check("API roots: nobody else sees it"):
        server = Server(args.url + "/taxii2/", user=args.stranger, **others)
        equal([root.url for root in server.api_roots], [args.url + "/api1/"], "API roots")
        with answers(404):
            ApiRoot(args.url + "/second/", user=args.stranger, **others).refresh()


def check_certificate(args, login, manifest):
    own, stranger = ((f"{name}.pem", f"{name}.key") for name in (args.certificate, args.other_certificate))
    collection_url = f"{args.url}/api1/collections/{args.collection}/"
    with check("sign-in with a client certificate"):
        server = Server(args.url + "/taxii2/", verify=login["verify"], cert=own)
        collection = next(c for c in server.default.collections if c.id == args.collection)
        equal(collection.get_manifest(limit=1)["objects"], manifest[:1], "manifest")
        equal(collection.add_objects({"objects": [Content(args.collection).sdo("tool", "good")]}).success_count, 1, "successes")
    with check("a client certificate beside a password: the password counts"):
        reader = Collection(collection_url, user=args.reader, password=args.password, verify=login["verify"], cert=own)
        equal((reader.can_read, reader.can_write), (True, False), "rights")
        with answers(401):
            Collection(collection_url, user=args.user, password="wrong", verify=login["verify"], cert=own).refresh()
    with check("a client certificate that nobody added: 401"):
        with answers(401):
            Collection(collection_url, verify=login["verify"], cert=stranger).refresh()


def check_tls(args, login):
    with check("TLS: a client that does not know the certificate refuses it"):
        try:
            Server(args.url + "/taxii2/", user=args.user, password=args.password).refresh()
            raise AssertionError("it was accepted")
        except requests.exceptions.SSLError:
            pass
    with check("TLS: the certificate names localhost too"):
        true(Server(args.url.replace("127.0.0.1", "localhost") + "/taxii2/", **login).title, "no title")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--collection", required=True, help="the id of an empty collection in /api1/")
    parser.add_argument("--token", required=True, help="a token of the account")
    parser.add_argument("--reader", required=True, help="an account with the same password that may only read")
    parser.add_argument("--stranger", required=True, help="an account with the same password that may do nothing")
    parser.add_argument("--certificate", required=True, help="a client certificate of the account: this with .pem and .key")
    parser.add_argument("--other-certificate", required=True, help="one that the node does not know, likewise")
    args = parser.parse_args()
    login = {"verify": args.cafile or True, "user": args.user, "password": args.password}
    content = Content(args.collection)

    check_discovery(args, login)
    root, collection = check_root(args, login)
    check_empty(collection)
    everything = check_add(root, collection, content)
    manifest = check_read(collection, everything)
    check_filters(collection, everything, manifest, content)
    check_object(collection, content, everything, manifest)
    check_spec_version(collection, content)
    check_delete(collection, content)
    check_tokens(args, login, manifest)
    check_rights(args, login)
    check_roots(args, login)
    if args.url.startswith("https:"):
        check_certificate(args, login, manifest)
        check_tls(args, login)


if __name__ == "__main__":
    main()
