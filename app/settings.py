"""Settings: flag > environment (``BETHINK_...``) > ``./bethink.toml`` > the user's file > default."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bethink.agents.mcp_servers import ServerAddress

PROJECT_FILE = Path("bethink.toml")


def user_file() -> Path:
    """Where the user's own settings are looked for."""
    return Path(platformdirs.user_config_dir("bethink")) / "bethink.toml"


class SettingsError(ValueError):
    """A setting is wrong; the message names it and where to change it."""


class Settings(BaseSettings):
    """All settings of the application."""

    model_config = SettingsConfigDict(env_prefix="BETHINK_", extra="forbid", use_attribute_docstrings=True)

    model: str = "bethink"
    """The backbone: bethink, smollm2, a folder, a .gguf file, hf:ORG/NAME, these +ADAPTER, or openai:BASE_URL#MODEL."""
    data: Path = Path(platformdirs.user_data_dir("bethink"))
    """Threads, thoughts, plots."""
    user: str = "me"
    """Whose threads and thoughts the command line and the unauthenticated web page use."""
    host: str = "127.0.0.1"
    """Where to listen; only ``bethink serve`` listens elsewhere than on this machine, and only with logins."""
    port: int = 7860
    """Where the page is; the next free one is taken if it is in use."""
    hosts: list[str] = []
    """Names under which ``bethink serve`` may be asked, besides this machine's own, without port."""
    proxies: str = ""
    """Addresses of reverse proxies in front of ``bethink serve``, with commas, that are believed where requests come
    from."""
    turns_per_minute: int = Field(20, ge=1)
    """Messages that one user of ``bethink serve`` may send within a minute."""
    max_upload_mb: float = Field(50.0, gt=0, le=50)
    """The largest file that a user of ``bethink serve`` may send, in MB (10^6 bytes)."""
    memory_server: str = ""
    """The Chroma server that keeps the thoughts, as ``http://127.0.0.1:8000``; empty: they are in the data folder."""
    checkpoints: SecretStr = SecretStr("")
    """The PostgreSQL database of the run state, as ``postgresql://USER@HOST/NAME``; empty: a file of the data folder.

    It is never printed. With a password in it, give it as ``BETHINK_CHECKPOINTS``, or in a file that only you can read.
    """
    memory: bool = True
    """Whether new chats recall and post-think."""
    max_new_tokens: int = 300
    """The longest answer, in tokens."""
    temperature: float = 0.0
    """0: the likeliest words, always the same; higher: more varied."""
    precision: str = "auto"
    """The number format of a local model: auto (the fastest here), int8, fused8, int4, bf16 or fp32."""
    keep_prefix: bool = True
    """Keep what was read of recent prompts, so that the same beginning is not read again."""
    full_history: bool = False
    """Put the whole chat before the model, not only recalled thoughts and the last messages."""
    repeat_answers: bool = False
    """Answer a prompt that was answered before, to the letter, without the model, until the memory changes."""
    think_after_s: float = Field(0.0, ge=0)
    """Think about finished turns after so many quiet seconds, together, instead of at once."""
    unload_after_min: float = Field(0.0, ge=0)
    """Let go of the model's weights after so many minutes without a turn; 0: never."""
    country: str = ""
    """Where the electricity is from, by three letters (DEU, USA, CHN); empty: the world's average. Never guessed."""
    pue: float = 1.0
    """Power usage effectiveness: what the building draws for each joule of the machine; 1 for a laptop."""
    joules_per_token_in: float | None = Field(None, ge=0)
    """What a model on a server takes to read a token, in J; without both, its energy is not known."""
    joules_per_token_out: float | None = Field(None, ge=0)
    """What it takes to write a token, in J."""
    otel: bool = False
    """Export what turns cost as OpenTelemetry spans (to OTEL_EXPORTER_OTLP_ENDPOINT); no text is in them."""
    mcp_servers: dict[str, ServerAddress] = {}
    """MCP servers whose tools join the chat's: ``[mcp_servers.NAME]`` with ``command`` and ``args``, or ``url``."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence, strongest first."""
        files = (PROJECT_FILE, user_file())
        return (
            init_settings,
            env_settings,
            *(TomlConfigSettingsSource(settings_cls, path) for path in files),
        )


def load_settings(**flags: object) -> Settings:
    """Settings with the given flags on top; flags that are None do not count.

    Raises:
        SettingsError: an unknown key or a value of the wrong kind, with its name.
    """
    import tomllib

    try:
        return Settings(**{key: value for key, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as problem:
        raise SettingsError(f"Settings: {faults(problem)}. Known settings: {', '.join(Settings.model_fields)}.") from (
            problem
        )
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(f"bethink.toml is not valid TOML: {problem}. Mend it or remove it.") from problem


def faults(problem: ValidationError) -> str:
    """What is wrong with settings, each with its name; never a value, which may be a secret."""
    return "; ".join(f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors())
