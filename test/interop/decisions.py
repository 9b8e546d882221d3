"""What home decides about single objects: restrictions, withdrawals, and what the command
line tells of them."""

from checks import check, equal, true
from release_data import DISARM, often_named, picked
from release_reference import LEVELS, WITHDRAWN

INFLUENCE, FRAMEWORKS = "influence", "frameworks"


def check_restrictions(run, obj, other):
    oid, desk = obj["id"], run.desk

    def restrict(oid, level, *words):
        preview = desk.run("preview", "restrict", oid, *words)
        desk.run("restrict", oid, *words, "--reason", "Names a source", env=desk.signed)
        run.world.restricted[oid] = level
        run.previewed([preview])

    def lift():
        desk.run("restrict", "lift", oid, "--reason", "Cleared with the source", env=desk.second)
        del run.world.restricted[oid]

    run.change("home restricts an object to AMBER: it leaves, or goes on with that stamp",
               lambda: restrict(oid, LEVELS.index("amber"), "--to", "tlp:amber"))
    with check("home restricts an object to AMBER: the agreements differ"):
        true(any(k[1] == oid for k in run.agreement(INFLUENCE).live), "it is nowhere any more")
        true(all(k[1] != oid for k in run.agreement(FRAMEWORKS).live), "it is still where GREEN is the highest")
    run.change("home withdraws another from every feed", lambda: restrict(other["id"], WITHDRAWN, "--withdraw"))
    run.change("a second person lifts the first: it enters again", lift)


def check_withdrawal(run):
    """Of what stands until somebody decides, one leaves by decision."""
    agreement = run.agreement(INFLUENCE)
    oid = max((key[1] for key in agreement.undecided), key=lambda oid: (often_named(run.sets[DISARM], oid), oid))

    def withdraw():
        preview = run.desk.run("preview", "withdraw", oid, "--for", INFLUENCE)
        run.desk.run("withdraw", oid, "--for", INFLUENCE, "--reason", "The newer one is RED", env=run.desk.signed)
        agreement.withdrawn.add(oid)
        run.previewed([preview])

    run.change("somebody decides: an older version is withdrawn, in that agreement alone", withdraw)
    return oid


def check_told(run, ids):
    with check("who sees an object, and what becomes of its versions: as the reference says"):
        for oid in ids:
            said = {t["agreement"]: t["sees"] for p in run.desk.run("who", oid)["partners"] for t in p["through"]}
            equal(said, {a.name: any(k[1] == oid for k in a.live) for a in run.agreements}, f"who sees {oid}")
            for agreement in run.agreements:
                keys = {s.key for s in run.world.submissions if s.obj["id"] == oid and s.collection in agreement.terms["collections"]}
                if not keys:
                    continue
                told = run.desk.run("explain", agreement.name, oid)["submissions"]
                stands = [t["stands"] for t in told]
                equal(sum(stands), sum(k in agreement.live for k in keys), f"versions of {oid} that stand in {agreement.name}")
                waits = sum(t["ruling"] == "pending" for t in told)
                equal(waits, sum(k in agreement.waiting for k in keys), f"versions of {oid} that wait in {agreement.name}")


def check_all(run):
    often, other = picked(run, 6)[4:6]
    check_restrictions(run, often, other)
    decided = check_withdrawal(run)
    waiting = sorted(key[1] for key in run.agreement(FRAMEWORKS).waiting)[:3]
    check_told(run, [often["id"], other["id"], decided, *waiting])
