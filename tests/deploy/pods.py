"""Containers of the built image, run by podman: started with flags or from the rendered chart, waited for, removed.

podman 4 plays most of a chart; what it cannot is worked around here and nowhere else.
"""

import base64
import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from msgspec import Struct

from tests.deploy.seccomp_profile import profile

READY_SECONDS = 60
Manifest = dict[str, Any]

# What a restricted pod has.
RESTRICTED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=65532:65532",
)
# What Docker gives to root when nothing is said.
DOCKER = (
    "--cap-drop=ALL",
    "--cap-add=AUDIT_WRITE,CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,MKNOD,NET_BIND_SERVICE,NET_RAW,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT",
)


def podman(*arguments: str) -> str:
    """Run podman and return what it printed; the test fails if it fails."""
    run = podman_result(*arguments)
    if run.returncode:
        pytest.fail(f"podman {' '.join(arguments)}: {run.stderr}")
    return run.stdout


def podman_result(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run podman and return how it ended and what it printed, whatever that is."""
    command = [*shlex.split(os.environ["RECAST_TEST_PODMAN"]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Running(Struct, frozen=True):
    """A container (or the pod it is in) that answers on a loopback port."""

    name: str
    url: str

    def client(self) -> httpx.Client:
        """Return a client of the conversion API; the caller closes it."""
        return httpx.Client(base_url=self.url, timeout=60)

    def python(self, code: str) -> str:
        """Run Python inside, as the container's own user, and return what it printed."""
        return podman("exec", self.name, "python", "-c", code).strip()


@contextmanager
def container(image: str, *flags: str, inner_port: int = 8000) -> Iterator[Running]:
    """Run an image with a published port for the length of the ``with``; it is ready when this yields."""
    port = free_port()
    name = f"recast-test-{uuid4().hex[:8]}"
    podman("run", "--detach", "--name", name, f"--publish=127.0.0.1:{port}:{inner_port}", *flags, image)
    try:
        yield _ready(name, f"http://127.0.0.1:{port}")
    finally:
        podman_result("rm", "--force", "--volumes", "--time=1", name)


@contextmanager
def played(manifests: list[Manifest], directory: Path) -> Iterator[Running]:
    """Play a rendered chart, one replica, under the strict seccomp profile, for the length of the ``with``.

    Args:
        manifests: The chart's; podman passes over what it does not know (policies, budgets, accounts).
        directory: For what is played and the profile, which podman reads from files.
    """
    port = free_port()
    playable = [
        _playable(manifest, port) for manifest in manifests if manifest["kind"] in {"ConfigMap", "Secret", "Deployment"}
    ]
    path = directory / "chart.yaml"
    path.write_text(yaml.safe_dump_all(playable))
    strict_seccomp(directory)
    podman("kube", "play", f"--seccomp-profile-root={directory}", str(path))
    (workload,) = (manifest for manifest in playable if manifest["kind"] == "Deployment")
    try:
        yield _ready(f"{workload['metadata']['name']}-pod-0-service", f"http://127.0.0.1:{port}")
    finally:
        podman_result("kube", "down", str(path))
        podman_result("volume", "prune", "--force")


def strict_seccomp(directory: Path) -> str:
    """Write the strict profile and return the flag that applies it."""
    path = directory / "strict.json"
    path.write_text(json.dumps(profile()))
    return f"--security-opt=seccomp={path}"


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _playable(manifest: Manifest, port: int) -> Manifest:
    manifest = json.loads(json.dumps(manifest))
    if manifest["kind"] == "Secret":  # podman 4 fails on a volume of a Secret
        texts = {name: base64.b64decode(value).decode() for name, value in manifest["data"].items()}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifest["metadata"], "data": texts}
    if manifest["kind"] == "Deployment":
        template = manifest["spec"]["template"]
        for each in template["spec"]["containers"]:
            each["image"] = "localhost/recast:latest"
            for published in each.get("ports", []):
                published |= {"hostPort": port, "hostIP": "127.0.0.1"}
            for probe in (
                "startupProbe",
                "readinessProbe",
                "livenessProbe",
            ):  # podman 4 needs systemd's timers for them
                each.pop(probe, None)
            seccomp = f"container.seccomp.security.alpha.kubernetes.io/{each['name']}"
            template["metadata"]["annotations"][seccomp] = "localhost/strict.json"
        for volume in template["spec"]["volumes"]:
            if "secret" in volume:
                volume["configMap"] = {"name": volume.pop("secret")["secretName"]}
    return dict(manifest)


def _ready(name: str, url: str) -> Running:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=10).is_success:
                return Running(name=name, url=url)
        if podman_result("container", "inspect", "--format={{.State.Running}}", name).stdout.strip() != "true":
            break
        time.sleep(0.1)
    pytest.fail(f"{name} is not ready: {podman_result('logs', name)}")
