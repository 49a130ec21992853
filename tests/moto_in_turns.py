"""Run by the Python of `.store-servers`: moto's S3, of which one request is done after the other.

moto looks whether a condition holds, and stores what came in another step. Of several that arrive at once more than
one may be kept so, which no store does that knows conditions. A request takes its turn once all of it has come, so
that a slow one holds up nobody.
"""

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app  # type: ignore[import-not-found]
from werkzeug.serving import run_simple

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


def in_turns(application: Application) -> Application:
    turn = threading.Lock()

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH")
        if length or environ.get("wsgi.input_terminated"):
            came = environ["wsgi.input"].read(int(length)) if length else environ["wsgi.input"].read()
            environ |= {"wsgi.input": io.BytesIO(came), "CONTENT_LENGTH": str(len(came))}
        with turn:
            return application(environ, start_response)

    return answer


def main() -> None:
    run_simple("127.0.0.1", 0, in_turns(DomainDispatcherApplication(create_backend_app)), threaded=True)


if __name__ == "__main__":
    main()
