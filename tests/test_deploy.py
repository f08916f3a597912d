"""The files in deploy/, each read by a tool that understands it."""

import re
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import uvicorn
import yaml

from claimstance import feedback
from serving import keys, settings, tracing
from serving.gate import READABLE
from tests.conftest import ROOT
from tests.contract.conftest import free_port, serving, started_before

DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def tool(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def nginx_command(folder: Path, upstream: int, port: int) -> list[str]:
    """Return a command with a configuration around deploy/nginx.conf, its ports changed."""
    certificate = [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=stance.example.org", "-keyout", "site.key", "-out", "site.pem"]
    subprocess.run([*certificate, *names], cwd=folder, check=True, capture_output=True)
    site = (DEPLOY / "nginx.conf").read_text()
    for found, put in (
        (r"/etc/ssl/\w+/stance\.example\.org\.(\w+)", rf"{folder}/site.\1"),
        (r"127\.0\.0\.1:3000", f"127.0.0.1:{upstream}"),
        (r" *listen \[::\].*\n", ""),
        (r"listen 443", f"listen 127.0.0.1:{port}"),
        (r"listen 80", f"listen 127.0.0.1:{free_port()}"),
    ):
        site, count = re.subn(found, put, site)
        assert count, found
    (folder / "site.conf").write_text(site)
    paths = [f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy")]
    paths += [f"{kind}_temp_path {kind};" for kind in ("fastcgi", "uwsgi", "scgi")]
    (folder / "nginx.conf").write_text(
        f"pid nginx.pid;\nevents {{}}\nhttp {{\n{' '.join(paths)}\ninclude site.conf;\n}}\n"
    )
    return [tool("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]


def test_nginx_takes_its_file_and_stands_in_front_of_the_service(
    store: Path, tmp_path: Path
) -> None:
    token = keys.add("one")
    with serving(started_before(store), [sys.executable, "-m", "serving"]) as service:
        port = free_port()
        nginx = nginx_command(tmp_path, service.base_url.port or 0, port)
        checked = subprocess.run([*nginx, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        process = subprocess.Popen([*nginx, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            context = ssl.create_default_context(cafile=tmp_path / "site.pem")
            context.check_hostname = False
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context) as client:
                deadline = time.monotonic() + 60
                while True:
                    try:
                        assert client.get("/readyz").status_code == 200
                        break
                    except httpx.TransportError:
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
                body = {"sentences": ["The reef is ours."]}
                assert client.post("/classify", json=body).status_code == 401
                headers = {"authorization": f"Bearer {token}"}
                named = headers | {"x-request-id": "my-own.1"}
                answer = client.post("/classify", json=body, headers=named)
                assert answer.headers["x-request-id"] == "my-own.1"
                answer = client.post("/classify", json=body, headers=headers)
                assert answer.status_code == 200
                assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
                assert "max-age" in answer.headers["strict-transport-security"]
                assert client.get("/metrics", headers=headers).status_code == 404
                assert "<title>Claimstance" in client.get("/").text
        finally:
            process.terminate()
            process.wait(30)


def test_nginx_lets_an_idle_connection_go_before_the_service_does() -> None:
    (upstream,) = re.findall(
        r"^upstream.*?^}", (DEPLOY / "nginx.conf").read_text(), re.DOTALL | re.MULTILINE
    )
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", upstream)
    assert int(seconds) < uvicorn.Config("").timeout_keep_alive


def test_systemd_takes_its_unit(tmp_path: Path) -> None:
    unit = tmp_path / "claimstance.service"
    text = (DEPLOY / "claimstance.service").read_text()
    assert "/opt/claimstance/.venv/bin/python -m serving" in text
    unit.write_text(text.replace("/opt/claimstance/.venv/bin/python", sys.executable))
    command = [tool("systemd-analyze"), "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze cannot verify here")
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@pytest.mark.parametrize("manifest", manifests(), ids=lambda manifest: str(manifest["kind"]))
def test_kubernetes_manifests_fit_their_schemas(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_kubernetes_manifests_ask_for_what_the_service_has() -> None:
    (deployment,) = [m for m in manifests() if m["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in READABLE
    known = {f"CLAIMSTANCE_{name.upper()}" for name in settings.Limits.model_fields}
    known |= {keys.PATH, "BENTOML_HOME"}
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert variables.keys() <= known
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in container["volumeMounts"]}
    assert Path(variables[keys.PATH]).parent == mounts["keys"]
    assert Path(variables["BENTOML_HOME"]) == mounts["kept"]
    assert {volume["name"] for volume in spec["volumes"]} == set(mounts)
    (secret,) = [v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v]
    assert f"create secret generic {secret} " in GUIDE


def test_supervisors_wait_until_what_has_begun_is_over() -> None:
    unit = (DEPLOY / "claimstance.service").read_text()
    (told,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    (deployment,) = [m for m in manifests() if m["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    _, before = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    ending = settings.Limits().ending_seconds
    assert int(told) > ending
    assert spec["terminationGracePeriodSeconds"] > int(before) + ending
    assert f"--stop-timeout {told} " in GUIDE


def test_the_guide_names_every_setting_and_file() -> None:
    for variable in (
        settings.HOSTS,
        settings.INSECURE,
        settings.WORKERS,
        keys.PATH,
        feedback.URL,
        tracing.ENDPOINTS[1],
    ):
        assert f"| `{variable}` |" in GUIDE
    for name, field in settings.Limits.model_fields.items():
        (row,) = re.findall(rf"^\| `CLAIMSTANCE_{name.upper()}` \| ([^|]+) \|", GUIDE, re.MULTILINE)
        assert row == ("no limit" if field.default is None else f"{field.default:,}"), name
    for path in DEPLOY.iterdir():
        if path.suffix not in (".json", ".yml"):  # those of monitoring are told of elsewhere
            assert f"deploy/{path.name}" in GUIDE


def test_the_guide_tells_the_headers_that_nginx_is_told_to_set() -> None:
    (told,) = re.findall(r"```nginx\n(.*?)```", GUIDE, re.DOTALL)
    configured = [line.strip() for line in (DEPLOY / "nginx.conf").read_text().splitlines()]
    for header in ("Host", "X-Forwarded-For"):
        assert f"proxy_set_header {header} " in told
    assert all(line in configured for line in told.splitlines())


def test_the_container_s_keys_are_where_the_guide_has_them_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (section,) = re.findall(r"^## Container\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)
    (made,) = set(re.findall(rf"{keys.PATH}=(\w\S+)", section))
    (mounted, inside) = re.findall(r'"\$PWD/(\w+):(/etc/\S+):ro"', section)[0]
    assert f"-e {keys.PATH}={inside}/{Path(made).name}" in section
    assert Path(made).parent == Path(mounted)
    assert "$BENTOML_HOME" not in section  # usually unset
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(keys.PATH, made)
    keys.add("newsroom")
    assert (tmp_path / made).is_file()
