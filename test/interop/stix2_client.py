"""Drives the unmodified python-stix2 against a node: TAXIICollectionSink,
TAXIICollectionSource and TAXIICollectionStore."""

import json
import uuid

import stix2
from stix2.datastore import DataSourceError
from stix2.datastore.filters import Filter
from taxii2client.v21 import Collection

from checks import arguments, check, equal, true


def plain(obj):
    """A STIX object of the library as the JSON value that it is on the wire."""
    return json.loads(obj.serialize())


def same(got, want):
    equal(sorted(map(plain, got), key=json.dumps), sorted(map(plain, want), key=json.dumps), "objects")


def connect(args, user=None):
    return Collection(f"{args.url}/api1/collections/{args.collection}/", user=user or args.user,
                      password=args.password, verify=args.cafile or True)


def check_sink(sink, source, who):
    indicator = stix2.v21.Indicator(name="a sink's", pattern="[ipv4-addr:value = '192.0.2.1']", pattern_type="stix",
                                    valid_from="2024-01-01T00:00:00Z", labels=["sink"], created_by_ref=who, confidence=70)
    with check("sink: add an object; source: get it"):
        sink.add(indicator)
        equal(plain(source.get(indicator.id)), plain(indicator), "object")
    bundle = stix2.v21.Bundle(*[stix2.v21.URL(value=f"http://example.org/{n}") for n in range(3)])
    with check("sink: add a bundle"):
        sink.add(bundle)
        same(source.query([Filter("type", "=", "url")]), bundle.objects)
    with check("sink: add a dict, a bundle as a dict, text, a list of all kinds"):
        tools = [stix2.v21.Tool(name=f"tool {n} – ünïcödé", created_by_ref=who) for n in range(6)]
        sink.add(plain(tools[0]))
        sink.add(plain(stix2.v21.Bundle(tools[1])))
        sink.add(tools[2].serialize())
        sink.add([tools[3], plain(tools[4]), stix2.v21.Bundle(tools[5]).serialize()])
        same(source.query([Filter("type", "=", "tool")]), tools)
    with check("sink: add STIX 2.0, custom properties and a custom type"):
        old = stix2.v20.Identity(name="an old one", identity_class="organization")
        custom = stix2.v21.Identity(name="custom", identity_class="organization", allow_custom=True,
                                    x_example_note={"text": "ünï", "numbers": [1, 2.5, -3]})
        strange = {"type": "x-example-thing", "spec_version": "2.1", "id": f"x-example-thing--{uuid.uuid4()}",
                   "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z", "odd": [{"deep": True}]}
        sink.add(old)
        sink.add(custom)
        sink.add(strange)
        equal(plain(source.get(old.id)), plain(old), "STIX 2.0")
        equal(plain(source.get(custom.id)), plain(custom), "custom properties")
        equal(source.get(strange["id"]), strange, "custom type")
    return indicator


def check_source(sink, source, indicator):
    with check("source: get one that there is not"):
        equal(source.get("indicator--" + str(uuid.uuid4())), None, "object")
    second = indicator.new_version(name="a second version")
    third = second.new_version(revoked=True)
    with check("source: all_versions, and get gives the latest"):
        sink.add([second, third])
        same(source.all_versions(indicator.id), [indicator, second, third])
        equal(plain(source.get(indicator.id)), plain(third), "latest")
    with check("source: query by filters that the node applies"):
        same(source.query([Filter("id", "=", indicator.id)]), [third])
        same(source.query([Filter("id", "=", indicator.id), Filter("version", "=", "first")]), [indicator])
        same(source.query([Filter("id", "=", indicator.id), Filter("version", "=", "all")]), [indicator, second, third])
        equal({o["type"] for o in source.query([Filter("type", "=", "tool,url")])}, {"tool", "url"}, "types")
        equal(source.query([Filter("added_after", "=", "2999-01-01T00:00:00Z")]), [], "after the end of time")
        true(len(source.query([Filter("added_after", "=", "2020-01-01T00:00:00Z")])) > 10, "nothing since long ago")
    with check("source: query by filters that the client applies to what it got"):
        equal({o["name"] for o in source.query([Filter("type", "=", "tool"), Filter("name", "in", ["tool 1 – ünïcödé", "tool 2 – ünïcödé"])])},
              {"tool 1 – ünïcödé", "tool 2 – ünïcödé"}, "names")
        same(source.query([Filter("labels", "contains", "sink")]), [third])
        same(source.query([Filter("confidence", ">", 60), Filter("revoked", "=", True)]), [third])
    with check("source: small pages give the same"):
        small = stix2.TAXIICollectionSource(source.collection, items_per_page=2)
        same([o for o in small.query([Filter("type", "=", "tool")])], source.query([Filter("type", "=", "tool")]))
        same(small.all_versions(indicator.id), [indicator, second, third])


def check_store(store, home, indicator):
    malware = stix2.v21.Malware(name="a store's", is_family=False, created_by_ref=home.id)
    link = stix2.v21.Relationship(indicator, "indicates", malware)
    with check("store: add, get, all_versions, query"):
        store.add([home, malware, link])
        equal(plain(store.get(malware.id)), plain(malware), "get")
        same(store.all_versions(malware.id), [malware])
        same(store.query([Filter("type", "=", "malware")]), [malware])
    with check("store: creator_of, relationships, related_to"):
        equal(plain(store.creator_of(malware)), plain(home), "creator")
        same(store.relationships(malware), [link])
        equal([o["id"] for o in store.related_to(malware)], [indicator.id], "related")
    with check("store: within an Environment with a factory"):
        env = stix2.Environment(factory=stix2.ObjectFactory(created_by_ref=home.id), store=store)
        made = env.create(stix2.v21.Campaign, name="made by a factory")
        env.add(made)
        equal(plain(env.get(made.id)), plain(made), "object")


def check_rights(args):
    with check("a reader: the sink refuses, the source reads"):
        collection = connect(args, args.reader)
        try:
            stix2.TAXIICollectionSink(collection)
            raise AssertionError("there is a sink")
        except DataSourceError:
            pass
        true(stix2.TAXIICollectionSource(collection).query([Filter("type", "=", "malware")]), "it reads nothing")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--collection", required=True, help="the id of an empty collection in /api1/")
    parser.add_argument("--reader", required=True, help="an account with the same password that may only read")
    args = parser.parse_args()
    collection = connect(args)
    home = stix2.v21.Identity(name="Example Organisation", identity_class="organization")
    sink = stix2.TAXIICollectionSink(collection, allow_custom=True)
    source = stix2.TAXIICollectionSource(collection)
    indicator = check_sink(sink, source, home.id)
    check_source(sink, source, indicator)
    check_store(stix2.TAXIICollectionStore(collection, allow_custom=True), home, indicator)
    check_rights(args)


if __name__ == "__main__":
    main()
