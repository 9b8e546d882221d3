"""Runs somebody else's TAXII 2.1 server on a free loopback port.

usage: foreign_server.py medallion|opentaxii DIRECTORY SECONDS COLLECTION…

It runs in the virtual environment of that server. It prints one line of JSON: the URL of
the API root, how to sign in, and the ids of the collections. It ends after so many seconds
whatever happens, and at once when its standard input is closed: it cannot outlive who
started it, even if that one was killed."""

import functools
import json
import os
import sys
import threading
import types
import uuid
import warnings

warnings.filterwarnings("ignore")  # both are older than the libraries that they use

USER, PASSWORD = "writer", "a password"
MOST = 100 * 1024 * 1024  # bytes of a request


def medallion(directory, names):
    """With its memory backend, and pages of 100 at most, as it comes."""
    import medallion as server  # pylint: disable=import-outside-toplevel

    path = os.path.join(directory, "medallion.json")
    ids = {name: str(uuid.uuid4()) for name in names}

    def configure(address):
        data = {"/discovery": {"title": "medallion", "default": address + "/api1/", "api_roots": [address + "/api1/"]},
                "api1": {"information": {"title": "medallion", "versions": ["application/taxii+json;version=2.1"], "max_content_length": MOST},
                         "status": [],
                         "collections": [{"id": ids[name], "title": name, "can_read": True, "can_write": True,
                                          "media_types": ["application/stix+json;version=2.1"], "objects": [], "manifest": []}
                                         for name in names]}}
        with open(path, "w", encoding="utf-8") as out:
            json.dump(data, out)
        configuration = {"users": {USER: PASSWORD}, "taxii": {"max_page_size": 100},
                         "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend", "filename": path}}
        for part in configuration:
            server.set_config(server.application_instance, part, configuration)
        server.register_blueprints(server.application_instance)
        return {"url": address + "/api1/", "collections": ids}

    return server.application_instance, configure


def opentaxii(directory, names):
    """With its SQL backend on SQLite. One account, which may do everything."""
    os.environ["OPENTAXII_CONFIG"] = os.path.join(directory, "opentaxii.yml")
    with open(os.environ["OPENTAXII_CONFIG"], "w", encoding="utf-8") as out:
        json.dump({"domain": "127.0.0.1", "support_basic_auth": True, "taxii1": None,
                   "taxii2": {"title": "OpenTAXII", "public_discovery": False, "allow_custom_properties": True, "max_content_length": MOST,
                              "persistence_api": {"class": "opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI",
                                                  "parameters": {"db_connection": f"sqlite:///{directory}/data.db", "create_tables": True}}},
                   "auth_api": {"class": "opentaxii.auth.sqldb.SQLDatabaseAPI",
                                "parameters": {"db_connection": f"sqlite:///{directory}/auth.db", "create_tables": True,
                                               "secret": str(uuid.uuid4())}},
                   "logging": {"opentaxii": "error", "root": "error"}}, out)
    from opentaxii.http import app  # pylint: disable=import-outside-toplevel
    from opentaxii.taxii2 import http  # pylint: disable=import-outside-toplevel

    # As released, it answers 500 wherever an answer holds an id (its issue 243, repaired in
    # its repository and not released). So that there is something to talk to, its answers
    # are encoded as they are there: an id as its text. Nothing else of it is touched.
    http.json = types.SimpleNamespace(dumps=functools.partial(json.dumps, default=str))

    def configure(address):
        server = app.taxii_server
        with app.app_context():
            account = server.auth.api.create_account(USER, PASSWORD)
            account.is_admin = True
            server.auth.api.update_account(account)
            token = server.auth.api.authenticate(USER, PASSWORD)
            store = server.servers.taxii2.persistence.api
            root = store.add_api_root(title="OpenTAXII", default=True)
            ids = {name: str(store.add_collection(api_root_id=root.id, title=name).id) for name in names}
        return {"url": f"{address}/taxii2/{root.id}/", "collections": ids, "token": token}

    return app, configure


def end_with(stream):
    stream.read()
    os._exit(0)


def main():
    kind, directory, seconds, names = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
    end = threading.Timer(seconds, os._exit, [3])
    end.daemon = True
    end.start()
    threading.Thread(target=end_with, args=[sys.stdin.buffer], daemon=True).start()
    app, configure = {"medallion": medallion, "opentaxii": opentaxii}[kind](directory, names)

    from werkzeug.serving import WSGIRequestHandler, make_server  # pylint: disable=import-outside-toplevel

    class Quiet(WSGIRequestHandler):
        """What Flask runs an application with, without a line per request."""

        def log_request(self, code="-", size="-"):
            pass

    listener = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    about = configure(f"http://127.0.0.1:{listener.port}")
    print(json.dumps({"user": USER, "password": PASSWORD, **about}), flush=True)
    listener.serve_forever()


if __name__ == "__main__":
    main()
