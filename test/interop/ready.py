"""Waits until a node is ready. usage: ready.py URL SECONDS [CERTIFICATE]

The certificate may appear while this waits: a node makes it at its first start."""

import ssl
import sys
import time
import urllib.request

url, seconds, cafile = sys.argv[1] + "/readyz", float(sys.argv[2]), (sys.argv + [None])[3]
last = None
end = time.monotonic() + seconds
while time.monotonic() < end:
    try:
        context = ssl.create_default_context(cafile=cafile) if cafile else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(url, timeout=5) as response:
            sys.exit(0 if response.status == 200 else 1)
    except OSError as err:
        last = err
    time.sleep(0.1)
sys.exit(f"{url} was not ready after {seconds:.0f} s: {last}")
