"""Writes a made-up set of STIX files with what real publications are full of: several
releases, revised and contested versions, custom properties and types, objects without
`modified`, observables whose contents change, odd numbers and text. The same call gives
the same files. usage: generate.py DIRECTORY"""

import json
import os
import random
import sys
import uuid

SPACE = uuid.UUID("5d2c9f0e-0d5b-5d0a-9b7a-4c8c1f6f6c11")
TYPES = ["attack-pattern", "campaign", "course-of-action", "identity", "indicator", "intrusion-set", "malware", "tool",
         "x-example-asset"]
WORDS = ["amber", "harbour", "Ærø", "кит", "漁火", "ظل", "e\u0301", "\u00e9", "𝄞", "tab\there", "quote\"d", "back\\slash", "\u2028", "\x7f", ""]
NUMBERS = ["0", "-0", "-0.0", "1", "1.0", "1.10", "0.1", "1e2", "1E+2", "1e-7", "-2.50E-3", "123456789012.125",
           "9007199254740991", "-9007199254740991", "333333333.33333329", "4.50", "2e-3", "0.000001", "0.0000001", "1e15"]


class Literal(str):
    """A number as it is to be written, which no float could say."""


def write_json(value, indent=""):
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, dict):
        inner = ",".join(f"\n{indent}  {write_json(k)}: {write_json(v, indent + '  ')}" for k, v in value.items())
        return "{" + inner + "\n" + indent + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_json(v, indent + "  ") for v in value) + "]"
    return json.dumps(value, ensure_ascii=len(indent) % 4 == 0)


def identify(kind, name):
    return f"{kind}--{uuid.uuid5(SPACE, f'{kind} {name}')}"


def moment(rng, release, digits):
    text = f"20{10 + release}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    return text + ("." + "".join(rng.choice("0123456789") for _ in range(digits)) if digits else "") + "Z"


def decorate(rng, obj):
    obj["description"] = " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 40)))
    if rng.random() < 0.5:
        obj["x_example_scores"] = [Literal(rng.choice(NUMBERS)) for _ in range(rng.randint(0, 5))]
    if rng.random() < 0.3:
        obj["x_example_deep"] = {rng.choice(["z", "a", "é", "𝄞", ""]): {"flag": rng.random() < 0.5, "nothing": None, "list": [[], {}]}}
    if rng.random() < 0.3:
        obj["external_references"] = [{"source_name": "example", "external_id": f"E{rng.randint(1, 999):04d}"}]
    if rng.random() < 0.2:
        obj["labels"] = rng.sample(["one", "two", "thrée"], 2)
    return obj


def sdo(rng, tag, n, release):
    kind = TYPES[n % len(TYPES)]
    obj = {"type": kind, "spec_version": "2.1", "id": identify(kind, f"{tag} {n}"), "created": f"2010-01-01T00:00:{n % 60:02d}.000Z",
           "modified": moment(rng, release, rng.choice([0, 1, 3, 3, 3, 6, 9])), "name": f"object {n} {rng.choice(WORDS)}"}
    if kind == "indicator":
        obj.update(pattern=f"[url:value = 'http://example.com/{n}']", pattern_type="stix", valid_from=obj["created"])
    if kind == "malware":
        obj["is_family"] = bool(n % 2)
    if kind == "identity":
        obj["identity_class"] = "organization"
    return decorate(rng, obj)


def fixed(tag, release):
    """Objects without `modified`: markings, contested in some releases, and observables,
    some with contents that change."""
    marking = {"type": "marking-definition", "spec_version": "2.1", "id": identify("marking-definition", tag),
               "created": "2010-06-01T00:00:00.000Z", "definition_type": "statement",
               "definition": {"statement": f"Example, release {2 * (release // 2)}"}}
    urls = [{"type": "url", "spec_version": "2.1", "id": identify("url", f"{tag} {n}"), "value": f"http://example.org/{n}/ü"} for n in range(20)]
    files = [{"type": "file", "spec_version": "2.1", "id": identify("file", f"{tag} {n}"), "name": f"f{n}.bin", "size": Literal(n * 1000),
              "x_example_seen": release if n < 3 else 0} for n in range(10)]
    return [marking] + urls + files


def relationships(rng, tag, objs, release):
    for n in range(len(objs) // 2):
        source, target = rng.sample(objs, 2)
        yield decorate(rng, {"type": "relationship", "spec_version": "2.1", "id": identify("relationship", f"{tag} {release} {n}"),
                             "created": "2010-01-01T00:00:00Z", "modified": moment(rng, release, 3),
                             "relationship_type": "related-to", "source_ref": source["id"], "target_ref": target["id"]})


def contest(rng, obj):
    """The same version with other contents, as careless publishers make them."""
    obj = dict(obj)
    change = rng.choice(["description", "x_example_added", "order of a list"])
    if change == "order of a list" and len(obj.get("labels", [])) == 2:
        obj["labels"] = obj["labels"][::-1]
    elif change == "x_example_added":
        obj["x_example_added"] = Literal(rng.choice(NUMBERS))
    else:
        obj["description"] = obj["description"] + " (edited)"
    return obj


def releases(tag, count, size):
    """The releases of one set, as lists of objects. Each revises a third of the one
    before, contests some of it, repeats the rest in another order, and adds and drops some."""
    rng = random.Random(tag)
    current, made = [], 0
    for release in range(count):
        following = []
        for obj in current:
            roll = rng.random()
            if obj["type"] == "relationship":
                following.append(obj)
            elif roll < 0.3:
                following.append(dict(decorate(rng, obj.copy()), modified=moment(rng, release, rng.choice([0, 3, 6, 9]))))
            elif roll < 0.38:
                following.append(contest(rng, obj))
            elif roll < 0.95:
                following.append(dict(sorted(obj.items(), key=lambda _: rng.random())))
        grown = size // (2 if release else 1)
        following += [sdo(rng, tag, n, release) for n in range(made, made + grown)]
        made += grown
        following += relationships(rng, tag, [o for o in following if o["type"] != "relationship"], release)
        current = following
        yield fixed(tag, release) + current


def write(directory):
    """Writes everything and returns the sets: a name and its files, in order."""
    published, other = list(releases("published", 4, 300)), list(releases("other", 1, 120))
    other[0] += published[0][:50]  # what one collection holds may be in another as well
    sets = [("generated-releases", published), ("generated-other", other)]
    written = []
    for name, contents in sets:
        files = []
        for n, objs in enumerate(contents, 1):
            path = os.path.join(directory, f"{name}-{n}.json")
            bundle = {"type": "bundle", "id": identify("bundle", f"{name} {n}"), "objects": objs}
            if n == 1:
                bundle["spec_version"] = "2.1"
            with open(path, "w", encoding="utf-8") as out:
                out.write(write_json(bundle) + "\n")
            files.append(path)
        written.append((name, files))
    return written


if __name__ == "__main__":
    for _, made_files in write(sys.argv[1]):
        print("\n".join(made_files))
