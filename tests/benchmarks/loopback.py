"""A server on this machine for the benchmark of network sinks: takes everything, says 200, ends with its parent.

A process of its own, so that its CPU is not taken for the sink's. Prints its URL; ends when its standard input does.
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two of them would wait for each other (Nagle, delayed acknowledgements)

    def do_POST(self) -> None:
        """Read it, forget it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = b"" if "/v1/" in self.path else b'{"status": 1}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
