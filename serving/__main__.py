"""Start the service: `python -m serving [--port 3000]`, or manage its API keys: `... keys`.

Puts the released model version into the model store, promotes it if nothing is in production,
and serves on loopback. Other machines are answered where there are API keys, or with --insecure.
"""

import argparse
import contextlib
import ipaddress
import os
import socket
import sys
from pathlib import Path

from claimstance import bundle, registry
from claimstance.errors import ClaimstanceError, InvalidInput, ModelExists, ModelInvalid
from claimstance.feedback import Store
from serving import keys
from serving.admission import is_local
from serving.settings import INSECURE, WORKERS, hosts, insecure, limits, shadow, workers
from serving.tracing import wanted

CURL = (
    "curl -s http://{host}:{port}/classify -H 'content-type: application/json' {key}"
    '-d \'{{"sentences": ["The islands are an inseparable part of our territory."]}}\''
)


def ensure_model() -> str:
    """Return the version in production, after putting the released one there if none is.

    A store that cannot be written, or a journal that cannot be read, is told and left alone: the
    service then answers with what it can load.
    """
    released = bundle.released()
    name = bundle.read_manifest(released).version
    try:
        with contextlib.suppress(ModelExists):
            registry.add(released)
        current = registry.production() or registry.promote(name).version
    except (ModelInvalid, OSError) as error:
        print(f"claimstance: the store of model versions fails: {error}", file=sys.stderr)
        return name
    if current != name:
        print(f"In production is {current}; this release came with {name} (`claimstance models`).")
    return current


def _address(host: str) -> str:
    """Return the address that `--host` means; BentoML takes no names.

    Raises:
        InvalidInput: it is neither an IP address nor `localhost`.
    """
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError as error:
        raise InvalidInput("is no IP address, nor localhost", f"--host {host}") from error


def _refuse_taken(host: str, port: int) -> None:
    """Raise InvalidInput if nothing can listen there; the server itself would not say so."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            pass
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"cannot listen at {host}:{port} ({error})", "--port") from error


def _refuse_open(host: str, insecure: bool) -> None:
    """Raise InvalidInput if other machines could use the service and nobody has said they may."""
    if not (is_local((host, None)) or insecure or keys.read()):
        raise InvalidInput(
            "lets other machines in: make an API key first (`python -m serving keys add NAME`), or "
            "say --insecure",
            f"--host {host}",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind [%(default)s]")
    parser.add_argument("--port", type=int, default=3000, help="port to bind [%(default)s]")
    parser.add_argument(
        "--insecure", action="store_true", help="answer other machines though there are no keys"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help=f"processes that answer; each loads the model [{WORKERS}, or 1]",
    )
    commands = parser.add_subparsers(dest="command", metavar="keys")
    actions = commands.add_parser("keys", help="manage API keys").add_subparsers(
        dest="action", required=True
    )
    add = actions.add_parser("add", help="make a key and print it, this once")
    revoke = actions.add_parser("revoke", help="let a key in no more, at once")
    for action in (add, revoke):
        action.add_argument(
            "name", metavar="NAME", help="whose key it is; feedback and logs say so"
        )
    actions.add_parser("list", help="print the keys' names and when they were made")
    return parser


def _manage_keys(arguments: argparse.Namespace) -> None:
    """Add, list or revoke a key."""
    match arguments.action:
        case "add":
            print(keys.add(arguments.name))
            print("Keep it: only its hash is stored, in", keys.path(), file=sys.stderr)
        case "revoke":
            keys.revoke(arguments.name)
        case "list":
            for key in keys.read():
                print(f"{key.created}  {key.name}")


def _serve(arguments: argparse.Namespace) -> None:
    """Prepare the store and become the BentoML server."""
    host = _address(arguments.host)
    _refuse_open(host, arguments.insecure or insecure())
    _refuse_taken(host, arguments.port)
    keys.read()  # what cannot be is told here, not by a worker
    if arguments.workers is not None:
        os.environ[WORKERS] = str(arguments.workers)
    workers()
    ending = limits().ending_seconds
    hosts()
    shadow()
    wanted()
    Store.open()
    version = ensure_model()
    named = f"[{host}]" if ":" in host else host
    print(f"Starting {bundle.NAME}:{version} at http://{named}:{arguments.port}")
    key = '-H "authorization: Bearer $CLAIMSTANCE_KEY" ' if keys.required() else ""
    line = CURL.format(host=named, port=arguments.port, key=key)
    print(f"Once it says it is started, try:\n  {line}", flush=True)
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    if arguments.insecure:
        os.environ[INSECURE] = "yes"
    root = Path(__file__).parent.parent
    options = ["--working-dir", str(root), "--host", host, "--port", str(arguments.port)]
    options += ["--timeout-graceful-shutdown", str(ending)]
    os.execv(
        sys.executable,
        [sys.executable, "-m", "bentoml", "serve", "serving.service:ClaimstanceService", *options],
    )


def main() -> None:
    """Parse the command line and do what it says."""
    arguments = _parser().parse_args()
    try:
        _manage_keys(arguments) if arguments.command == "keys" else _serve(arguments)
    except ClaimstanceError as error:
        sys.exit(f"claimstance: {error}")


if __name__ == "__main__":
    main()
