"""Drives the unmodified cytaxii2 against a node: every method that it has.

It asks for discovery, root, collections and objects and posts objects; it has nothing for
the manifest, versions, a single object, a status or deletion. It gives back the JSON of an
answer and its status, no headers: a client cannot learn from it up to which date it has
polled, and goes on by "next", or by a time of its own.

It has faults of its own, each shown here. It takes the default root of the discovery for an
absolute URL, which it need not be (TAXII 2.1 section 4.1), and must be told where the root
is. It sends a dict as a form. Where the discovery fails it gives back that answer in place
of the one that was asked for."""

import json
import os
import uuid

from cytaxii2 import cytaxii2

from checks import MAX_PAGES, MEDIA_TYPE, arguments, check, equal, true

CREATED = "2024-01-01T00:00:00.000Z"


class Content:
    """Objects with ids of their own for one collection."""

    def __init__(self, collection):
        self.space = uuid.UUID(collection)

    def make(self, kind, name, **more):
        return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid5(self.space, kind + name)}",
                "created": CREATED, "modified": CREATED, "name": name, **more}

    def tools(self, first, count):
        return [self.make("tool", f"tool {n} – ünïcödé 漁火 𝄞") for n in range(first, first + count)]

    def campaigns(self, count):
        return [self.make("campaign", f"campaign {n}") for n in range(count)]


def good(answer, status=200):
    equal((answer["status_code"], answer["status"]), (status, status < 400), f"status of {str(answer)[:300]}")
    return answer["response"]


def refused(answer, *statuses):
    true(answer["status"] is False and answer["status_code"] in statuses, f"not refused with {statuses}: {str(answer)[:300]}")
    equal(answer["response"].get("http_status"), str(answer["status_code"]), "http_status")
    true(answer["response"].get("title"), "an error without a title")


def envelope(objs):
    return json.dumps({"objects": objs})


def polled(client, collection, **filters):
    """Every object, by the cursor of each page."""
    objs, following = [], None
    for _ in range(MAX_PAGES):
        page = good(client.poll_request(collection, next=following, **filters))
        objs += page.get("objects", [])
        following = page.get("next")
        equal(bool(following), bool(page.get("more")), "more beside next")
        if not following:
            return objs
    raise AssertionError("it does not end")


def check_server(client, args):
    with check("discovery_request"):
        found = good(client.discovery_request())
        equal(found["default"], "/api1/", "default")
        true(found["default"] in found["api_roots"], "the default is none of the roots")
    with check("the client's fault: it takes /api1/ for a whole URL"):
        lost = client.root_discovery()
        equal((lost["status"], lost["status_code"]), (False, "EXCEPTION"), "status")
        true("Invalid URL '/api1/'" in lost["response"], f"another failure: {lost['response']}")
        client.api_root = args.url + found["default"]
    with check("root_discovery"):
        root = good(client.root_discovery())
        true(MEDIA_TYPE in root["versions"] and root["max_content_length"] > 0, f"root {root}")
    with check("collection_request, collection_data_request"):
        ours = [c for c in good(client.collection_request())["collections"] if c["id"] == args.collection]
        equal([(c["can_read"], c["can_write"]) for c in ours], [(True, True)], "rights")
        equal(good(client.collection_data_request(args.collection)), ours[0], "collection")
    with check("a collection that is not there"):
        for answer in (client.collection_data_request(str(uuid.uuid4())), client.poll_request(str(uuid.uuid4())),
                       client.inbox_request(str(uuid.uuid4()), envelope([]))):
            refused(answer, 404)


def check_objects(client, args):
    content = Content(args.collection)
    tools, campaigns = content.tools(0, 25), content.campaigns(5)
    with check("poll_request: an empty collection"):
        equal(good(client.poll_request(args.collection)), {}, "envelope")
    with check("inbox_request: text"):
        status = good(client.inbox_request(args.collection, envelope(tools)), 202)
        equal((status["status"], status["success_count"], status["failure_count"]), ("complete", 25, 0), "status")
        good(client.inbox_request(args.collection, envelope(campaigns).encode()), 202)
    with check("inbox_request: a bundle, as its parameter is called, is refused with a reason"):
        refused(client.inbox_request(args.collection, json.dumps({"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": tools})), 422)
    with check("inbox_request: a dict, which this client sends as a form, is refused and leaves nothing"):
        refused(client.inbox_request(args.collection, {"objects": content.tools(100, 1)}), 400, 422)
        equal(polled(client, args.collection), tools + campaigns, "objects")
    with check("poll_request: pages by limit and next"):
        equal(polled(client, args.collection, limit=7), tools + campaigns, "objects")
        page = good(client.poll_request(args.collection, limit=7))
        equal(good(client.poll_request(args.collection, next=page["next"])), good(client.poll_request(args.collection, limit=7, next=page["next"])), "a page by its cursor alone")
    with check("poll_request: by type, by id, by several, with pages"):
        equal(polled(client, args.collection, object_type="campaign", limit=2), campaigns, "campaigns")
        equal(polled(client, args.collection, object_type="campaign,tool"), tools + campaigns, "both types")
        equal(polled(client, args.collection, object_id=tools[3]["id"]), tools[3:4], "one id")
        equal(polled(client, args.collection, object_id=tools[3]["id"], object_type="campaign"), [], "id and another type")
    with check("poll_request: added_after"):
        equal(polled(client, args.collection, added_after="2000-01-01T00:00:00Z"), tools + campaigns, "after long ago")
        since = good(client.inbox_request(args.collection, envelope(content.tools(50, 1))), 202)["request_timestamp"]
        news = content.tools(50, 1) + content.tools(60, 3)
        good(client.inbox_request(args.collection, envelope(news)), 202)
        equal(polled(client, args.collection, added_after=since, limit=2), news, "after the last but one")
        equal(polled(client, args.collection, added_after="2999-01-01T00:00:00.000000Z"), [], "after all")
    with check("poll_request: what cannot be understood"):
        for filters in ({"limit": 0}, {"limit": "many"}, {"added_after": "yesterday"}, {"next": "not a cursor"}):
            refused(client.poll_request(args.collection, **filters), 400)


def check_rights(args, connect):
    with check("a reader polls, and cannot post"):
        reader = connect(args.reader, args.password)
        reader.api_root = args.url + "/api1/"
        true(polled(reader, args.collection), "the reader gets nothing")
        refused(reader.inbox_request(args.collection, envelope(Content(args.collection).tools(200, 1))), 403, 404)
    with check("an account that is not there: 401 at every method"):
        wrong = connect(f"nobody {args.collection}", "wrong")  # another name each time: few failures are allowed to one
        refused(wrong.discovery_request(), 401)
        refused(wrong.root_discovery(), 401)  # which here is the discovery's answer too
        wrong.api_root = args.url + "/api1/"
        for answer in (wrong.collection_request(), wrong.poll_request(args.collection), wrong.inbox_request(args.collection, envelope([]))):
            refused(answer, 401)
    with check("as a client of TAXII 2.0 it is told that this is none"):
        old = cytaxii2.cytaxii2(args.url + "/taxii2/", args.user, args.password, version=2.0)
        refused(old.discovery_request(), 406)
        equal(old.collection_request()["status_code"], 406, "status of what needs the discovery")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--collection", required=True, help="the id of an empty collection")
    parser.add_argument("--reader", required=True, help="an account that may only read it; with the same password")
    args = parser.parse_args()
    if args.cafile:  # the client has no parameter for it
        os.environ["REQUESTS_CA_BUNDLE"] = args.cafile

    def connect(user, password):
        return cytaxii2.cytaxii2(args.url + "/taxii2/", user, password)

    client = connect(args.user, args.password)
    check_server(client, args)
    check_objects(client, args)
    check_rights(args, connect)


if __name__ == "__main__":
    main()
