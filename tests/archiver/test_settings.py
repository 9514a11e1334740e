"""Settings: every value, where it came from, and what is wrong with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.cli import main
from archiver.errors import SettingsError
from archiver.settings import (
    FILE_NAME,
    Secret,
    Settings,
    definitions,
    key_of,
    load_settings,
    variable_of,
)
from tests.archiver.setting_values import BAD, GOOD


def test_every_setting_is_tried_here() -> None:
    """A new setting without a good value of its own in this file fails here."""
    assert {definition["variable"] for _, definition in definitions()} == set(GOOD)


#: These count in the settings file alone.
IN_FILE = {each["variable"] for _, each in definitions() if each["only_in_file"]}


def in_file(folder: Path, variable: str, text: str) -> Path:
    """A settings file with this value."""
    file = folder / "settings.toml"
    file.write_text(f"{key_of(variable)} = {json.dumps(text)}")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("variable", sorted(IN_FILE))
def test_what_counts_in_the_file_alone(variable: str, tmp_path: Path) -> None:
    """Read from there, refused from the environment, and what is bad there is named."""
    name, text, value = GOOD[variable]
    file = in_file(tmp_path, variable, text)

    assert getattr(load_settings({}, config=file), name) == value
    with pytest.raises(SettingsError, match=f"{variable} is in the environment"):
        load_settings({variable: text}, config=file)
    for each in BAD[variable]:
        with pytest.raises(SettingsError, match=f"{variable} from {file}"):
            load_settings({}, config=in_file(tmp_path, variable, each))


@pytest.mark.parametrize("variable", sorted(set(GOOD) - IN_FILE))
def test_a_good_value_is_read_and_its_origin_known(variable: str) -> None:
    """What stands in the environment is the value, and it is known to come from there."""
    name, text, value = GOOD[variable]
    settings = load_settings({variable: text})

    assert value == getattr(settings, name)
    assert settings.origins[name] == "environment"


@pytest.mark.parametrize(
    ("variable", "text"), [(name, text) for name, texts in BAD.items() for text in texts]
)
def test_a_bad_value_is_an_error_that_names_it(variable: str, text: str) -> None:
    """The error says which setting, where it stands and what it takes."""
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings({variable: text})

    assert "environment" in str(caught.value)


def test_the_command_line_beats_the_environment_and_that_the_file(tmp_path: Path) -> None:
    """Three places, one order."""
    file = tmp_path / "settings.toml"
    file.write_text('store = "file:a"\nformats = ["CSV"]\nconcurrency = 2\nproxy = true\n')
    file.chmod(0o600)

    settings = load_settings(
        {"RTK_ARCHIVE_STORE": "file:b", "RTK_ARCHIVE_CONCURRENCY": "5"},
        config=file,
        overrides={"store": "file:c"},
    )

    assert (
        settings.store,
        settings.concurrency,
        settings.formats,
        settings.proxy,
    ) == ("file:c", 5, ("CSV",), True)
    origins = ("command line", "environment", str(file))
    assert origins == tuple(settings.origins[each] for each in ("store", "concurrency", "formats"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("stoer = 'x'", "stoer"),
        ("store = 5.5", "store"),
        ("= 3", "cannot be read"),
        ("token = 'x'", "token"),
        ("summary_wait = 15", "SUMMARY_WAIT"),
        ("concurrency = true", "CONCURRENCY"),
        ("formats = [1]", "formats"),
        ("[store]\nurl = 'x'", "store"),
        ('data = "a\\u0000b"', "DATA"),
        ("a = " + "[" * 5000, "cannot be read"),
        ("concurrency = " + "9" * 5000, "cannot be read|CONCURRENCY"),
    ],
)
def test_a_settings_file_is_read_strictly(text: str, complaint: str, tmp_path: Path) -> None:
    """An unknown key, a wrong type or broken TOML is an error that names it."""
    file = tmp_path / "settings.toml"
    file.write_text(text)
    file.chmod(0o600)

    with pytest.raises(SettingsError, match=complaint):
        load_settings({}, config=file)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_settings_file_that_others_may_write_is_refused(mode: int, tmp_path: Path) -> None:
    """Whoever may write the settings, be it the group, may send the archive elsewhere."""
    file = tmp_path / "settings.toml"
    file.write_text("")
    file.chmod(mode)

    with pytest.raises(SettingsError, match="may be written by others"):
        load_settings({}, config=file)


def test_a_settings_file_that_others_may_only_read_is_read(tmp_path: Path) -> None:
    """Reading is no reason to refuse."""
    file = tmp_path / "settings.toml"
    file.write_text("concurrency = 2")
    file.chmod(0o644)

    assert load_settings({}, config=file).concurrency == 2


@pytest.mark.parametrize("content", [b"\xff\xfe", b"store = 1979-05-27"])
def test_a_settings_file_that_is_none_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no text, and a value that is no setting's."""
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(SettingsError, match=re.escape(str(file))):
        load_settings({}, config=file)


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    """It cannot be read, and the error says which."""
    tmp_path.chmod(0o700)

    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, config=tmp_path)


def test_the_settings_file_here_is_read_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rtk-archive.toml` in the working directory counts."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / FILE_NAME
    file.write_text('cloudflare_account_id = "here"')
    file.chmod(0o600)

    assert load_settings({}).account_id == "here"


def test_a_missing_settings_file_is_an_error_only_where_it_was_named(tmp_path: Path) -> None:
    """Without --config there need not be one."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, config=tmp_path / "none.toml")

    assert load_settings({}).origins == {}


def test_a_listen_address_set_to_nothing_is_the_default() -> None:
    """An empty variable is how some environments say unset."""
    assert load_settings({"RTK_ARCHIVE_LISTEN": ""}).listen == Settings().listen


def test_a_source_without_https_is_a_simulated_one() -> None:
    """Only HTTPS can be the real source; paths follow the data folder."""
    settings = load_settings(
        {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:9/client/v4", "RTK_ARCHIVE_DATA": "d"}
    )

    assert settings.simulated
    assert not Settings().simulated
    assert settings.ledger_path == Path("d/ledger.db")
    assert (settings.spool, settings.index_path) == (Path("d/spool"), Path("d/index"))


def test_an_unknown_variable_is_an_error() -> None:
    """A misspelt setting does not pass silently."""
    with pytest.raises(SettingsError, match="RTK_ARCHIVE_STOER"):
        load_settings({"RTK_ARCHIVE_STOER": "x"})


def test_secrets_show_themselves_nowhere() -> None:
    """Neither repr nor str holds the token; comparing and asking by name still work."""
    settings = load_settings({"CLOUDFLARE_API_TOKEN": " very-secret\n"})

    assert settings.token.reveal() == "very-secret"
    assert settings.token == Secret("very-secret")
    assert hash(settings.token) == hash(Secret("very-secret"))
    assert "very-secret" not in f"{settings!r} {settings} {settings.token} {settings.token!r}"
    assert (str(Secret("")), repr(Secret(""))) == ("", "Secret(unset)")


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CLOUDFLARE_API_TOKEN", "very secret"),
        ("CLOUDFLARE_API_TOKEN", "very\0secret"),
        ("CLOUDFLARE_BASE_URL", "https://user:secret@api.example/v4"),
        ("CLOUDFLARE_BASE_URL", "https://api.example/v4?key=secret"),
        ("RTK_ARCHIVE_STORE", "s3://key:secret@bucket/prefix"),
        ("RTK_ARCHIVE_PUBLIC_URL", "https://user:secret@archive.example"),
        ("RTK_ARCHIVE_PROXY", "http://user:secret@proxy.example:3128"),
    ],
)
def test_an_error_holds_no_secret(variable: str, text: str) -> None:
    """A value that is refused is not repeated where it may be, or hold, a password."""
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings({variable: text})

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("options", [["settings"], ["settings", "--json"]])
def test_the_settings_command_masks_secrets(
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Every setting with its value and origin, and stars for the token."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "very-secret")
    monkeypatch.setenv("RTK_ARCHIVE_SUMMARY_WAIT", "20m")

    assert main(options) == 0
    printed = capsys.readouterr().out

    assert "very-secret" not in printed
    assert "********" in printed
    assert "1200s" in printed
    assert all(definition["variable"] in printed for _, definition in definitions())


def test_without_a_token_or_account_the_error_says_which() -> None:
    """What is missing is named, with the demo as a way out."""
    with pytest.raises(SettingsError, match="CLOUDFLARE_API_TOKEN"):
        Settings().require_source()
    with pytest.raises(SettingsError, match="CLOUDFLARE_ACCOUNT_ID"):
        Settings(token=Secret("x")).require_source()


def test_every_default_is_what_it_says() -> None:
    """Parsing a definition's default text gives the default value."""
    settings = Settings()

    for name, definition in definitions():
        assert definition["parse"](definition["default"]) == getattr(settings, name)
        assert variable_of(name) == definition["variable"]
        assert key_of(definition["variable"]) == key_of(definition["variable"]).lower()


@given(st.sampled_from([each["variable"] for _, each in definitions()]), st.text(max_size=60))
def test_any_text_is_a_value_or_one_clear_error(variable: str, text: str) -> None:
    """No text makes anything else than a setting or a SettingsError."""
    try:
        load_settings({variable: text})
    except SettingsError as error:
        assert variable in str(error)  # noqa: PT017 — a value is as good as an error


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("127.8.8.8:1", True),
        ("127.evil.example:1", False),
        ("localhost.evil.example:1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.0.1:1", False),
    ],
)
def test_a_loopback_address_is_told_from_others(address: str, loopback: bool) -> None:
    """A name that begins like a loopback address is none."""
    settings = load_settings({"RTK_ARCHIVE_LISTEN": address})

    assert settings.listen.is_loopback is loopback
    assert str(settings.listen) == address
