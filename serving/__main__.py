"""Start the service: `python -m serving [--port 3000]`.

Puts the released model version into the model store, promotes it if nothing is in production,
and serves on loopback.
"""

import argparse
import contextlib
import os
import socket
import sys
from pathlib import Path

from claimstance import bundle, registry
from claimstance.errors import ClaimstanceError, InvalidInput, ModelExists
from claimstance.feedback import Store

CURL = (
    "curl -s http://{host}:{port}/classify -H 'content-type: application/json' "
    '-d \'{{"sentences": ["The islands are an inseparable part of our territory."]}}\''
)


def ensure_model() -> str:
    """Return the version in production, after putting the released one there if none is."""
    released = bundle.released()
    name = bundle.read_manifest(released).version
    with contextlib.suppress(ModelExists):
        registry.add(released)
    if registry.production() is None:
        registry.promote(name)
    current = registry.production() or name
    if current != name:
        print(f"In production is {current}; this release came with {name} (`claimstance models`).")
    return current


def _refuse_taken(host: str, port: int) -> None:
    """Raise InvalidInput if nothing can listen there; the server itself would not say so."""
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"cannot listen at {host}:{port} ({error})", "--port") from error


def main() -> None:
    """Parse the command line, prepare the store, and become the BentoML server."""
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind [%(default)s]")
    parser.add_argument("--port", type=int, default=3000, help="port to bind [%(default)s]")
    arguments = parser.parse_args()
    try:
        _refuse_taken(arguments.host, arguments.port)
        Store.open()  # an address that cannot be is told here, not by a worker
        version = ensure_model()
    except ClaimstanceError as error:
        sys.exit(f"claimstance: {error}")
    print(f"Serving {bundle.NAME}:{version} at http://{arguments.host}:{arguments.port}")
    print("Once it says it is started, try:\n  " + CURL.format(**vars(arguments)), flush=True)
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    root = Path(__file__).parent.parent
    options = ["--working-dir", str(root), "--host", arguments.host, "--port", str(arguments.port)]
    os.execv(
        sys.executable,
        [sys.executable, "-m", "bentoml", "serve", "serving.service:ClaimstanceService", *options],
    )


if __name__ == "__main__":
    main()
