"""Settings: read once, bounded, and refused in one line that names the culprit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.settings import SettingInvalid, Settings, described, environment, read

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused here


def test_without_any_setting_only_this_machine_is_served() -> None:
    """The defaults: loopback, an engine of its own, no model."""
    settings = read({})
    assert (settings.host, settings.port, settings.upstream_url) == ("127.0.0.1", 8000, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECAST_PROT", "1"),
        ("RECAST_PORT", "x"),
        ("RECAST_PORT", "65536"),
        ("RECAST_RUN_SECONDS", "0"),
        ("RECAST_MAX_INPUT_BYTES", "-1"),
        ("RECAST_MIN_ISOLATION", "hope"),
        ("RECAST_OPEN", "maybe"),
        ("RECAST_API_KEYS", "/nowhere/keys"),
        ("RECAST_API_KEYS", " , "),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str) -> None:
    """Unknown names and values out of bounds stop the start."""
    with pytest.raises(SettingInvalid) as caught:
        read({name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "example.org", "127.evil.example"])
def test_other_addresses_need_keys_or_a_word(host: str) -> None:
    """Nobody opens the service to a network by accident."""
    with pytest.raises(SettingInvalid):
        read({"RECAST_HOST": host})
    assert read({"RECAST_HOST": host, "RECAST_API_KEYS": "k"}).api_keys == ("k",)
    assert read({"RECAST_HOST": host, "RECAST_OPEN": "true"}).open


def test_keys_come_from_a_file_or_a_list(tmp_path: Path) -> None:
    """One a line, with comments; or between commas."""
    file = tmp_path / "keys"
    file.write_text("# ours\nfirst\n\nsecond\n", encoding="utf-8")
    assert read({"RECAST_API_KEYS": str(file)}).api_keys == ("first", "second")
    assert read({"RECAST_API_KEYS": "first, second"}).api_keys == ("first", "second")


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://other/v1"}, "http://other/v1"),
        ({"RECAST_ENGINE_URL": "http://mine/v1", "OPENAI_BASE_URL": "http://other/v1"}, "http://mine/v1"),
        ({"RECAST_ENGINE_URL": ""}, None),
    ],
)
def test_a_key_alone_means_the_vendor(environ: dict[str, str], url: str | None) -> None:
    """Our own name for the engine wins over the vendor's; an empty one is as good as none."""
    assert read(environ).upstream_url == url


def test_a_flag_wins_over_the_environment() -> None:
    """And a flag that was not given changes nothing."""
    settings = read({"RECAST_PORT": "1", "RECAST_HOST": "127.0.0.2"}, {"port": "2", "host": None})
    assert (settings.port, settings.host) == (2, "127.0.0.2")


@given(
    port=st.integers(0, 65535),
    seconds=st.floats(0.1, 1000),
    is_open=st.booleans(),
    keys=st.lists(st.sampled_from("abc")),
)
def test_settings_pass_through_an_environment_unchanged(
    port: int,
    seconds: float,
    is_open: bool,  # noqa: FBT001 - hypothesis gives it by name
    keys: list[str],
) -> None:
    """What a child process is given reads back as it was; and it inherits no other setting."""
    settings = Settings(engine_port=port, run_seconds=seconds, open=is_open, api_keys=tuple(keys))
    fields = ("engine_port", "run_seconds", "open", "api_keys")
    passed = environment(settings, fields, {"RECAST_RECIPES": "/x", "PATH": "/bin"})
    assert passed["PATH"] == "/bin"
    assert read(passed) == settings


def test_every_setting_is_described() -> None:
    """The help and the README's table say something of each."""
    rows = described()
    assert [field for field, *_ in rows] == list(Settings.__struct_fields__)
    assert all(about.endswith(".") for *_, about in rows)
