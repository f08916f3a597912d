"""The OpenAPI document tells the truth, and the service keeps to it whatever is sent."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from serving import openapi, settings
from serving.gate import WRITABLE
from tests.contract.test_service import post

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


def test_whatever_is_sent_the_service_keeps_to_its_document(
    service: httpx.Client, tmp_path: Path
) -> None:
    command = [
        str(SCHEMATHESIS),
        "--config-file",
        str(Path(__file__).with_name("schemathesis.toml")),
        "run",
        str(service.base_url.join("/docs.json")),
        *("--max-examples", "40", "--seed", "1", "--no-color", "--continue-on-failure"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    shown = "\n".join(line[:500] for line in done.stdout.splitlines())
    assert done.returncode == 0, shown
    assert "Tested: 5" in done.stdout


def test_all_of_the_service_is_in_the_document(service: httpx.Client) -> None:
    document = service.get("/docs.json").json()
    assert set(document["paths"]) == {*WRITABLE, "/model"}
    assert "201" in document["paths"]["/feedback"]["post"]["responses"]
    text = json.dumps(document)
    assert "BentoML" not in text
    references = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(document["components"]["schemas"])


def test_the_limits_in_the_document_are_those_of_the_installation(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas = service.get("/docs.json").json()["components"]["schemas"]
    assert schemas["ClassifyRequest"]["properties"]["sentences"]["maxItems"] == 50
    monkeypatch.setenv("CLAIMSTANCE_MAX_CHARACTERS", "7")
    document = openapi.document(settings.limits())
    text = document["components"]["schemas"]["FeedbackRequest"]["properties"]["text"]
    assert text["maxLength"] == 7


def test_its_examples_are_answered(service: httpx.Client) -> None:
    schemas = service.get("/docs.json").json()["components"]["schemas"]
    for path, request in WRITABLE.items():
        schema = schemas[request.__name__]
        body = schema.get("examples", [{}])[0] or {
            name: field["examples"][0]
            for name, field in schema["properties"].items()
            if name in schema["required"]
        }
        assert post(service, path, body).status_code in (200, 201), path
