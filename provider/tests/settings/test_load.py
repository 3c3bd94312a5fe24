"""Order of the sources, and what is said when a value cannot be used."""

from pathlib import Path

import pytest

from argo_provider.settings import LogLevel, SandboxChoice, Secret, Settings, SettingsError, load
from argo_provider.settings.tree import Leaf, leaves


@pytest.fixture
def toml(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "argo.toml"
        file.write_text(text)
        return file

    return write


def test_defaults_are_used_where_nothing_is_given():
    loaded = load(environ={})
    assert loaded.settings == Settings()
    assert loaded.origins == {}


def test_a_flag_beats_the_environment_that_beats_the_file_that_beats_the_default(toml):
    file = toml("[server]\nport = 1001\nhost = '127.0.0.2'\n[log]\nlevel = 'error'\n")
    loaded = load(
        file=file, environ={"ARGO_SERVER_PORT": "1002", "ARGO_LOG_LEVEL": "debug"}, flags={"server.port": 1003}
    )
    assert loaded.settings.server.port == 1003
    assert loaded.settings.log.level is LogLevel.DEBUG
    assert loaded.settings.server.host == "127.0.0.2"
    assert loaded.origins == {
        "server.port": "flag",
        "log.level": "environment ARGO_LOG_LEVEL",
        "server.host": f"file {file}",
    }


def test_a_flag_that_was_not_given_changes_nothing():
    assert load(environ={}, flags={"server.port": None}).settings.server.port == Settings().server.port


def test_assignments_take_any_setting():
    loaded = load(environ={}, assignments=["limits.memory_mb.high=2048", "runtimes.kinds=nodejs:20, python:3.11"])
    assert loaded.settings.limits.memory_mb.high == 2048
    assert loaded.settings.runtimes.kinds == ("nodejs:20", "python:3.11")


def test_a_list_in_a_file_is_a_tuple(toml):
    settings = load(file=toml("sandbox = 'process'\n[runtimes]\nkinds = ['a', 'b']\n"), environ={}).settings
    assert settings.runtimes.kinds == ("a", "b")
    assert settings.sandbox is SandboxChoice.PROCESS


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"environ": {"ARGO_SERVR_PORT": "1"}}, "did you mean ARGO_SERVER_PORT?"),
        ({"environ": {}, "assignments": ["server.prot=1"]}, "did you mean server.port?"),
        ({"environ": {}, "assignments": ["server.port"]}, "write KEY=VALUE"),
        ({"environ": {}, "assignments": ["zzzzzz=1"]}, "all are listed in docs/reference/settings.md"),
        ({"environ": {"ARGO_SERVER_PORT": "many"}}, "server.port (from environment ARGO_SERVER_PORT) is 'many'"),
        ({"environ": {"ARGO_SERVER_PORT": "65536"}}, "the largest is 65535"),
        ({"environ": {"ARGO_SERVER_PORT": "-1"}}, "the smallest is 0"),
        ({"environ": {"ARGO_SANDBOX": "jail"}}, "Invalid enum value 'jail'"),
        ({"environ": {"ARGO_SERVER_TLS_CERT": "/cert"}}, "TLS needs both"),
        ({"environ": {"ARGO_LIMITS_MEMORY_MB_LOW": "999"}}, "limits.memory_mb: 999 (low) ≤ 256 (default)"),
        ({"environ": {"ARGO_POOL_MEMORY_MB": "0"}}, "'memory_mb' must be at least 1"),
        ({"environ": {"ARGO_SERVER_METRICS_TOKEN_FILE": "/none"}}, "cannot read the secret from /none"),
        ({"environ": {}, "assignments": ["server.metrics_token=x"]}, "set ARGO_SERVER_METRICS_TOKEN_FILE"),
        ({"environ": {}, "file": Path("/none.toml")}, "cannot read the settings file /none.toml"),
    ],
)
def test_what_cannot_be_used_is_said(source, said):
    with pytest.raises(SettingsError) as caught:
        load(**source)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1\n", "unknown setting server.prot"),
        ("[server]\nport = '1'\n", "Expected `int`, got `str`"),
        ("[server\n", "is not valid TOML"),
        ("[server]\nmetrics_token = 'x'\n", "write server.metrics_token_file = its path"),
        ("[server.port]\nx = 1\n", "unknown setting server.port.x"),
    ],
)
def test_what_a_file_has_wrong_is_said(toml, text, said):
    with pytest.raises(SettingsError) as caught:
        load(file=toml(text), environ={})
    assert said in str(caught.value)


def test_variables_of_the_product_that_are_no_settings_are_left_alone():
    environ = {"ARGO_CACHE": "x", "ARGO_CONFIG": "x", "ARGO_TEST_X": "x", "PATH": "x"}
    assert load(environ=environ).settings == Settings()


def test_a_secret_comes_from_a_file_or_the_environment_and_prints_masked(toml, tmp_path):
    (tmp_path / "token").write_text("hush\n")
    by_file = load(file=toml("[server]\nmetrics_token_file = 'token'\n"), environ={}).settings
    by_variable = load(environ={"ARGO_SERVER_METRICS_TOKEN": "hush"}).settings
    by_variable_file = load(environ={"ARGO_SERVER_METRICS_TOKEN_FILE": str(tmp_path / "token")}).settings
    assert by_file.server == by_variable.server == by_variable_file.server
    assert by_file.server.metrics_token == Secret("hush")
    assert "hush" not in f"{by_file} {by_file!r}"


def _another(leaf: Leaf) -> str:
    """Text of a value other than the default, within bounds."""
    kind = str(leaf.type)
    if leaf.type is bool:
        return str(not leaf.default).lower()
    if leaf.type in {int, float}:
        if leaf.high == 1 and leaf.type is float:  # a share
            return str(leaf.default / 2)
        down = leaf.path[-1] == "low"  # keeps low ≤ default ≤ high
        return str(leaf.default - 1 if down else leaf.default + 1)
    if "Choice" in kind or "Log" in kind:
        return next(each.value for each in leaf.type if each is not leaf.default)
    return "/somewhere"


@pytest.mark.parametrize("leaf", list(leaves(Settings())), ids=lambda leaf: leaf.key)
def test_every_setting_can_be_set_from_the_environment(leaf):
    environ = {leaf.variable: _another(leaf)}
    if leaf.key.startswith("server.tls"):
        environ = {"ARGO_SERVER_TLS_CERT": "/cert", "ARGO_SERVER_TLS_KEY": "/key"}
    if leaf.path[-1] == "default":
        environ[leaf.variable.removesuffix("DEFAULT") + "HIGH"] = str(leaf.default + 1)
    changed = {each.key: each.default for each in leaves(load(environ=environ).settings)}
    assert changed[leaf.key] != leaf.default
    assert isinstance(changed[leaf.key], Path) == ("Path" in str(leaf.type))


def test_no_two_settings_share_a_variable():
    variables = [leaf.variable for leaf in leaves(Settings())]
    assert len(variables) == len(set(variables))
