"""The shop's web server: `python -m tests.faults.processes.server PORT`. A thread for each request."""

from __future__ import annotations

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from tests.faults.processes.start import set_up


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == "__main__":
    set_up("web")
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), _Server) as server:
        print("serving", flush=True)
        server.serve_forever()
