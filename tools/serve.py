"""Show the built site on this machine: `python tools/serve.py [port]`."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build/html"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *args) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Takes no notice of a browser that hangs up early."""

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def server(site: Path, port: int) -> Server:
    """A server of `site` on this machine's own address; port 0 takes a free one."""
    return Server(("127.0.0.1", port), partial(QuietHandler, directory=str(site)))


def main() -> int:
    """Command line; returns the exit status."""
    if not (SITE / "index.html").exists():
        print("error: there is no built site yet; type: make book", file=sys.stderr)
        return 1
    argument = sys.argv[1] if len(sys.argv) > 1 else "8000"
    if not argument.isdigit() or int(argument) > 65535:
        print(f"error: PORT is {argument!r}, but must be a number up to 65535", file=sys.stderr)
        return 1
    try:
        running = server(SITE, int(argument))
    except OSError as error:
        print(f"error: port {argument} cannot be used ({error.strerror}); try: make serve PORT=8001", file=sys.stderr)
        return 1
    print(f"The book is at http://127.0.0.1:{running.server_port}/  (Ctrl-C stops)", flush=True)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
