"""What the scripts here share: where the node is, checks that print, and what went over
the wire. A script ends at the first check that fails."""

import argparse
import contextlib
import itertools
import logging
import os
import sys
import traceback

import requests

MEDIA_TYPE = "application/taxii+json;version=2.1"
logging.getLogger("taxii2client").setLevel(logging.ERROR)  # it remarks on every page size but its own

MAX_PAGES = 2000  # a server that says "more" without end fails here


def arguments(description):
    """The arguments that every script takes; each has an environment variable."""
    parser = argparse.ArgumentParser(description=description)
    for name, what in [
        ("url", "the node, as https://127.0.0.1:8443"),
        ("user", "an account that may read and write the collection"),
        ("password", "its password"),
    ]:
        variable = "ENTENTE_" + name.upper()
        value = os.environ.get(variable)
        parser.add_argument("--" + name, default=value, required=value is None, help=f"{what} (or {variable})")
    parser.add_argument("--cafile", default=os.environ.get("ENTENTE_CAFILE"), help="the certificate to trust, for https")
    return parser


@contextlib.contextmanager
def check(name):
    """One check: prints that it held, or why it did not and exits."""
    try:
        yield
    except BaseException as err:  # pylint: disable=broad-except
        print(f"FAILED {name}: {type(err).__name__}: {err}", flush=True)
        if isinstance(err, requests.HTTPError) and err.response is not None:
            print(f"    the node said: {err.response.text[:500]}", flush=True)
        for frame in traceback.extract_tb(err.__traceback__):
            if os.path.dirname(frame.filename) == os.path.dirname(os.path.abspath(__file__)):
                print(f"    at {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}", flush=True)
        sys.exit(1)
    print(f"ok {name}", flush=True)


def equal(got, want, what="values"):
    if got != want:
        raise AssertionError(f"{what} differ:\n    got  {clip(got)}\n    want {clip(want)}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def clip(value):
    text = repr(value)
    return text if len(text) <= 1500 else text[:1500] + f"... ({len(text)} characters)"


@contextlib.contextmanager
def answers(*statuses):
    """The block must end in an HTTP error of one of these statuses, with a TAXII error body."""
    try:
        yield
    except requests.HTTPError as err:
        response = err.response
        status = response.status_code
        true(status in statuses, f"status {status}, wanted {statuses}: {response.text[:500]}")
        equal(response.headers["Content-Type"].replace(" ", ""), MEDIA_TYPE, "Content-Type of the error")
        body = response.json()
        true(body.get("title"), f"the error has no title: {body}")
        equal(body.get("http_status", str(status)), str(status), "http_status")
        if status == 401:
            true(response.headers.get("WWW-Authenticate"), "401 without WWW-Authenticate")
    else:
        raise AssertionError(f"it succeeded; wanted {statuses}")


class Wire:
    """Keeps the raw responses that a client's requests.Session gets. The client itself
    is not touched: a session calls the hooks that it is given."""

    def __init__(self, endpoint):
        self.responses = []
        endpoint._conn.session.hooks["response"].append(self._keep)

    def _keep(self, response, *_args, **_kwargs):
        self.responses.append(response)

    def last(self):
        return self.responses[-1]

    def take(self):
        taken, self.responses = self.responses, []
        return taken


def pages(generator):
    """All pages of as_pages, bounded."""
    taken = list(itertools.islice(generator, MAX_PAGES + 1))
    true(len(taken) <= MAX_PAGES, f"more than {MAX_PAGES} pages: it does not end")
    return taken


def objects(page_list):
    return [obj for page in page_list for obj in page.get("objects", [])]
