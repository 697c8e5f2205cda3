"""`recast openapi`: both API descriptions as files, exactly as the code serves them.

The applications are made but never started, so neither an engine nor a recipe's program runs.
"""

import tempfile
from pathlib import Path
from typing import Any

import msgspec

from service.access import Access
from service.conversion.app import create_app as conversion_app
from service.conversion.plan import Budget
from service.conversion.recipes import LiveCatalogue, builtin_directory
from service.engine.app import create_app as engine_app
from service.settings import Settings


def write(into: Path) -> list[Path]:
    """Write ``conversion.yaml`` and ``engine.yaml`` and return their paths.

    Raises:
        OSError: The directory cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in texts().items():
        path = into / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def texts() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {f"{name}.yaml": _yaml(schema) for name, schema in (("conversion", _conversion()), ("engine", _engine()))}


def _conversion() -> dict[str, Any]:
    settings = Settings()
    with tempfile.TemporaryDirectory() as directory:
        app = conversion_app(
            catalogue=LiveCatalogue([builtin_directory()]),
            engine_url="http://127.0.0.1:8001/v1",
            engine_key="none",
            model=None,
            budget=Budget(calls=settings.model_calls),
            access=Access(),
            data_directory=Path(directory),
            max_input_bytes=settings.max_input_bytes,
            max_files=settings.max_files,
            concurrency=1,
            queue_places=settings.queue_places,
            queue_seconds=settings.queue_seconds,
            run_seconds=settings.run_seconds,
        )
        return app.openapi_schema.to_schema()


def _engine() -> dict[str, Any]:
    return engine_app(python=Settings().kernel_interpreter).openapi_schema.to_schema()


def _yaml(schema: dict[str, Any]) -> str:
    return msgspec.yaml.encode({"openapi": schema["openapi"], **schema}).decode()
