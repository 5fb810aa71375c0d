"""Stands in for a server that ``cals ui`` starts: ``python -m tests.support.stand_in_servers``.

``CALS_STAND_IN`` says what it does by port: ``serve``, ``die``, ``late`` (serves after a while), ``die_later``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from pipelines.ui.server_options import ServerOptions

LATE_S = 2.0


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


def main() -> None:
    options = ServerOptions.from_environment()
    doing = json.loads(os.environ["CALS_STAND_IN"])[str(options.port)]
    print(f"began in {os.getcwd()}", flush=True)
    if doing == "die":
        sys.exit("no such table: runs")
    if doing == "late":
        time.sleep(LATE_S)
    if doing == "die_later":
        threading.Timer(LATE_S, lambda: os._exit(7)).start()
    if doing == "late":
        Path(options.notices).write_text("its daemon ended\n")
    HTTPServer((options.host, options.port), Healthy).serve_forever()


if __name__ == "__main__":
    main()
