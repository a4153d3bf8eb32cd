import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Settings, SettingsError, load_settings
from gateway.json_settings import IceServer

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Settings from these variables alone: `load(PORT="1")`."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def load(env_file: Path | None = None, /, **variables: str) -> Settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return load_settings(env_file)

    return load


def test_defaults_are_the_documented_ones(load: Load) -> None:
    settings = load()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.openai_api_key is None
    assert settings.realtime_url == "wss://api.openai.com/v1/realtime"
    assert settings.allowed_origins == ("http://localhost:3000", "http://localhost:3001")
    assert settings.agent_set == "chat_supervisor"
    assert settings.session_idle_timeout == 300
    assert settings.session_max_duration == 3600
    assert settings.reconnect_grace == 30
    assert settings.max_sessions == 0
    assert settings.max_audio_size == 10_485_760
    assert (settings.audio_sample_rate, settings.audio_channels) == (24_000, 1)
    assert not settings.allow_anonymous
    assert settings.ice_servers == ()
    assert settings.turn_secret is None
    assert settings.public_address == ()
    assert settings.media_interfaces == ()
    assert settings.udp_port_range is None
    assert (settings.record_dir, settings.record_format) == (None, "opus")
    assert (settings.record_max_days, settings.record_max_bytes) == (None, None)
    assert (settings.record_notice, settings.record_packets) == (None, False)
    assert (settings.log_level, settings.log_format) == ("info", "console")


def test_settings_cannot_be_changed(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1


def test_flags_beat_the_environment_which_beats_the_file(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / "talkpath.env"
    env_file.write_text("PORT=1\nMAX_SESSIONS=1\nAGENT_SET=one\nNOT_OURS=1\n")
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("MAX_SESSIONS", "2")

    settings = load_settings(env_file, port=3, max_sessions=None)

    assert (settings.port, settings.max_sessions, settings.agent_set) == (3, 2, "one")


def test_env_file_of_the_working_directory_is_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4321\n")
    assert load().port == 4321


def test_named_env_file_must_exist(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--env-file=.*absent: there is no such file"):
        load(tmp_path / "absent")


def test_unreadable_env_file_is_named(load: Load, tmp_path: Path) -> None:
    env_file = tmp_path / "latin"
    env_file.write_bytes(b"AGENT_SET=caf\xe9\n")
    with pytest.raises(SettingsError, match=r"--env-file=.*latin: cannot be read"):
        load(env_file)


def test_an_override_that_is_no_setting_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="prot"):
        load_settings(prot=1)


def test_an_empty_variable_counts_as_unset(load: Load) -> None:
    settings = load(OPENAI_API_KEY="", REALTIME_URL="", PORT="")
    assert settings.embedded_model
    assert settings.port == 8000


@pytest.mark.parametrize(
    ("variables", "embedded"),
    [
        ({}, True),
        ({"OPENAI_API_KEY": "sk-test-123456"}, False),
        ({"REALTIME_URL": "ws://127.0.0.1:9/v1/realtime"}, False),
        ({"REALTIME_URL": "wss://api.openai.com/v1/realtime"}, False),
    ],
)
def test_embedded_model_answers_unless_a_key_or_a_server_is_given(
    load: Load, variables: dict[str, str], embedded: bool
) -> None:
    assert load(**variables).embedded_model is embedded


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"REALTIME_URL": "ws://127.0.0.1:9/v1/realtime"}, None),
        ({"OPENAI_API_KEY": "sk-test-123456"}, "https://api.openai.com/v1"),
        (
            {"OPENAI_API_KEY": "sk-test-123456", "REALTIME_URL": "ws://h:9/x/realtime/?a=b"},
            "http://h:9/x",
        ),
        ({"SUPERVISOR_URL": "http://h:9/v1"}, "http://h:9/v1"),
        ({"OPENAI_API_KEY": "sk-test-123456", "SUPERVISOR_URL": "http://h/v1"}, "http://h/v1"),
    ],
)
def test_the_text_model_is_where_the_key_belongs(
    load: Load, variables: dict[str, str], url: str | None
) -> None:
    assert load(**variables).text_model_url == url


def test_secrets_are_not_printed(load: Load) -> None:
    settings = load(
        OPENAI_API_KEY=" sk-hunter2\n",
        ICE_SERVERS='[{"urls": "turn:h", "username": "u", "credential": "hunter2"}]',
    )

    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-hunter2"
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter2" not in text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_the_network_is_let_in_only_when_meant(load: Load, host: str) -> None:
    with pytest.raises(SettingsError, match=f"^HOST={host} .*ALLOW_ANONYMOUS=true"):
        load(HOST=host)
    assert load(HOST=host, ALLOW_ANONYMOUS="true").host == host


@pytest.mark.parametrize(
    ("given", "host"),
    [("localhost", "localhost"), ("127.1.2.3", "127.1.2.3"), ("[::1]", "::1"), ("::1", "::1")],
)
def test_loopback_is_open_to_this_machine(load: Load, given: str, host: str) -> None:
    assert load(HOST=given).host == host


def test_origins_are_kept_as_browsers_send_them(load: Load) -> None:
    given = "https://Talk.Example:443/, http://[::1]:3000,capacitor://localhost, *,"
    assert load(ALLOWED_ORIGINS=given).allowed_origins == (
        "https://talk.example",
        "http://[::1]:3000",
        "capacitor://localhost",
        "*",
    )


def test_public_addresses_are_a_list(load: Load) -> None:
    assert load(PUBLIC_ADDRESS="192.0.2.1, 2001:DB8::1").public_address == (
        "192.0.2.1",
        "2001:db8::1",
    )


def test_media_is_kept_to_ports_and_interfaces(load: Load) -> None:
    settings = load(UDP_PORT_RANGE=" 40000-40100 ", MEDIA_INTERFACES="eth*, 10.0.0.0/8,::1")
    assert settings.udp_port_range == (40_000, 40_100)
    assert settings.media_interfaces == ("eth*", "10.0.0.0/8", "::1")
    assert load(UDP_PORT_RANGE="40000-40000").udp_port_range == (40_000, 40_000)


def test_a_turn_server_may_have_its_credentials_made_for_it(load: Load) -> None:
    settings = load(ICE_SERVERS='[{"urls": "turn:turn.example"}]', TURN_SECRET=" hunter2\n")
    assert settings.turn_secret is not None
    assert settings.turn_secret.get_secret_value() == "hunter2"
    (server,) = settings.ice_servers
    assert server.as_dict() == {"urls": ["turn:turn.example"]}
    assert server.lacks_credential
    assert "hunter2" not in f"{settings!r} {settings.model_dump_json()}"


def test_ice_servers_keep_the_shape_clients_know(load: Load) -> None:
    settings = load(
        ICE_SERVERS="""[
            {"urls": "stun:stun.example:3478"},
            {"urls": ["turn:turn.example?transport=udp", "turns:turn.example:5349"],
             "username": "ann", "credential": "pass"}
        ]"""
    )

    assert [server.as_dict() for server in settings.ice_servers] == [
        {"urls": ["stun:stun.example:3478"]},
        {
            "urls": ["turn:turn.example?transport=udp", "turns:turn.example:5349"],
            "username": "ann",
            "credential": "pass",
        },
    ]
    assert all(isinstance(server, IceServer) for server in settings.ice_servers)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RECORD_FORMAT", "mp3", "RECORD_FORMAT=mp3: expected opus or wav"),
        ("RECORD_MAX_DAYS", "0", "RECORD_MAX_DAYS=0: expected days, more than 0"),
        ("RECORD_MAX_BYTES", "1 GB", "RECORD_MAX_BYTES=1 GB: expected bytes, more than 0"),
        ("RECORD_PACKETS", "maybe", "RECORD_PACKETS=maybe: expected true or false"),
        (
            "REALTIME_SESSION_LIMIT",
            "4",
            "REALTIME_SESSION_LIMIT=4: expected 5 seconds or more",
        ),
        (
            "REALTIME_APPEND_MS",
            "10",
            "REALTIME_APPEND_MS=10: expected 20 to 200 ms of audio in one event to the model",
        ),
        ("PORT", "70000", "PORT=70000: expected a port from 0 (any free one) to 65535"),
        ("PORT", "http", "PORT=http: expected a port from 0 (any free one) to 65535"),
        ("HOST", "http://x", "HOST=http://x: expected a host name or an IP address"),
        ("ALLOW_ANONYMOUS", "maybe", "ALLOW_ANONYMOUS=maybe: expected true or false"),
        ("MAX_AUDIO_SIZE", "0", "MAX_AUDIO_SIZE=0: expected 1 byte to 100 MiB"),
        ("AUDIO_SAMPLE_RATE", "fast", "AUDIO_SAMPLE_RATE=fast: expected a sample rate in Hz"),
        (
            "AUDIO_SAMPLE_RATE",
            "44099",
            "AUDIO_SAMPLE_RATE=44099: expected one of 8000, 11025, 12000, 16000, 22050, 24000, "
            "32000, 44100, 48000, 96000 Hz",
        ),
        ("AUDIO_CHANNELS", "3", "AUDIO_CHANNELS=3: expected 1 or 2 channels"),
        ("MAX_SESSIONS", "-1", "MAX_SESSIONS=-1: expected a number of sessions, 0 for no cap"),
        ("SESSION_IDLE_TIMEOUT", "0", "SESSION_IDLE_TIMEOUT=0: expected seconds, more than 0"),
        ("SESSION_MAX_DURATION", "inf", "SESSION_MAX_DURATION=inf: expected seconds, more than 0"),
        ("RECONNECT_GRACE", "5m", "RECONNECT_GRACE=5m: expected seconds, 0 or more"),
        ("DRAIN_TIMEOUT", "-1", "DRAIN_TIMEOUT=-1: expected seconds, 0 or more"),
        ("REALTIME_URL", "https://x", "REALTIME_URL=https://x: expected a ws:// or wss:// URL"),
        ("SUPERVISOR_URL", "wss://x", "SUPERVISOR_URL=wss://x: expected a http:// or https:// URL"),
        ("REALTIME_MODEL", "a b", "REALTIME_MODEL=a b: expected one word"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL=loud: expected debug, info, warning or error"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT=xml: expected console or json"),
        (
            "ALLOWED_ORIGINS",
            "http://a,http://b/path",
            "ALLOWED_ORIGINS=http://b/path: an origin ends after its host and port",
        ),
        (
            "ALLOWED_ORIGINS",
            "example.org",
            "ALLOWED_ORIGINS=example.org: expected an origin such as https://example.org, or *",
        ),
        ("PUBLIC_ADDRESS", "0.0.0.0", "PUBLIC_ADDRESS=0.0.0.0: nobody can send to this address"),
        (
            "ICE_SERVERS",
            '[{"url": "stun:x"}]',
            'ICE_SERVERS: expected a JSON list of {"urls": …, "username": …, "credential": …}',
        ),
        (
            "ICE_SERVERS",
            '[{"urls": "turn:x"}]',
            "ICE_SERVERS: turn:x needs a username and a credential, or TURN_SECRET",
        ),
        (
            "ICE_SERVERS",
            '[{"urls": "turn:x", "username": "ann"}]',
            "ICE_SERVERS: turn:x needs a username and a credential, or neither",
        ),
        ("TURN_SECRET", "a b", "TURN_SECRET: holds a blank or a character which no key has"),
        (
            "UDP_PORT_RANGE",
            "40000",
            "UDP_PORT_RANGE=40000: expected two ports such as 40000-40100",
        ),
        (
            "UDP_PORT_RANGE",
            "40100-40000",
            "UDP_PORT_RANGE=40100-40000: expected two ports such as 40000-40100, "
            "the first from 1 and the last to 65535",
        ),
        (
            "UDP_PORT_RANGE",
            "0-9",
            "UDP_PORT_RANGE=0-9: expected two ports such as 40000-40100, "
            "the first from 1 and the last to 65535",
        ),
        (
            "UDP_PORT_RANGE",
            "40000-70000",
            "UDP_PORT_RANGE=40000-70000: expected two ports such as 40000-40100, "
            "the first from 1 and the last to 65535",
        ),
        (
            "MEDIA_INTERFACES",
            "eth0,10.0.0.0/33",
            "MEDIA_INTERFACES=10.0.0.0/33: neither the name of an interface nor a network",
        ),
        (
            "MEDIA_INTERFACES",
            "eth0;eth1",
            "MEDIA_INTERFACES=eth0;eth1: neither the name of an interface nor a network",
        ),
        (
            "ICE_SERVERS",
            '[{"urls": "http://x"}]',
            "ICE_SERVERS: a URL is not of the form stun:HOST or turn:HOST:PORT",
        ),
        (
            "OPENAI_API_KEY",
            "two words",
            "OPENAI_API_KEY: holds a blank or a character which no key has",
        ),
    ],
)
def test_a_wrong_value_is_told_in_one_line(load: Load, name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert str(caught.value) == message


def test_every_wrong_variable_is_named_at_once(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load(PORT="x", LOG_LEVEL="y\nz")
    assert "PORT=x: " in str(caught.value)
    assert "LOG_LEVEL=y z: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "hunter2 hunter2"),
        ("TURN_SECRET", "hunter2 hunter2"),
        ("REALTIME_URL", "wss://ann:hunter2@example.org/"),
        ("SUPERVISOR_URL", "https://ann:hunter2@example.org/"),
        ("REALTIME_URL", "https://example.org/?api_key=hunter2"),
        ("ICE_SERVERS", '{"credential": "hunter2"'),
        ("ICE_SERVERS", '[{"urls": "turn:h", "credential": "hunter2"}]'),
        ("ICE_SERVERS", '[{"urls": "turn:ann:hunter2@h", "username": "u", "credential": "c"}]'),
    ],
)
def test_an_error_does_not_show_a_secret(load: Load, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert str(caught.value).startswith(name)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_long_wrong_value_is_cut(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load(LOG_LEVEL="loud " * 1000)
    assert len(str(caught.value)) < 200


def test_every_setting_says_what_it_expects() -> None:
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []


def test_the_tests_see_no_setting_of_the_machine() -> None:
    inherited = [name for name in os.environ if name.lower() in Settings.model_fields]
    assert inherited == []
