"""A configuration from the YAML files that a user names."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vscbench.errors import UserError
from vscbench.merging import merge

if TYPE_CHECKING:
    from collections.abc import Iterable

PROTOCOLS = {name: Path(__file__).parents[1] / "protocols" / f"{name}.yaml" for name in ("strong", "paper")}
"""Those of the package, by name; a protocol of the user's own is a file, which may extend them by their names."""
ENDINGS = (".yaml", ".yml")
"""Of the name of a protocol that is a file."""
LARGEST_FILE, LARGEST, DEEPEST = 1_000_000, 200_000, 20
"""Bytes of a file; values and levels of a configuration, aliases counted each time."""


class Loader(yaml.SafeLoader):
    """YAML 1.1 with the numbers of YAML 1.2 (1e-4 is one, 1:30 is text), keys of text, each given once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                wrong = (
                    f"the key {key.value} is given twice" if isinstance(key, yaml.ScalarNode) else "a key is no text"
                )
                raise yaml.constructor.ConstructorError(None, None, wrong, key.start_mark)
            seen.add(key.value)
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


class Dumper(yaml.SafeDumper):
    """Writes what `Loader` reads."""


NUMBERS = {
    "tag:yaml.org,2002:int": r"[-+]?(0|[1-9][0-9_]*)|0o[0-7]+|0x[0-9a-fA-F]+",
    "tag:yaml.org,2002:float": r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
for each in (Loader, Dumper):
    kept = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in NUMBERS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    each.yaml_implicit_resolvers = kept
    for tag, pattern in NUMBERS.items():
        each.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list("-+.0123456789"))


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """The configuration of the files at `paths`, each laid over the ones before it; what one `extends` lies below it.

    Raises:
        UserError: a file cannot be read, is not YAML, or extends itself.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = merge(config, _layers(Path(path), ()))
    return config


def content_of(path: Path) -> dict[str, Any]:
    """The content of one file, over that of the files it extends; errors as of `read`."""
    content = _layers(path, ())
    return {key: value for key, value in content.items() if key != "plugins"}


def _layers(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The content of the file at `path`, over that of the files it extends; `above` are those that extend it."""
    content = _content(path)
    if path.resolve() in above:
        raise UserError(f"config file {path} extends itself")
    below = content.pop("extends", [])
    names = below if isinstance(below, list) else [below]
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"config file {path}: extends must be the name of a file beside it, or a list of them")
    config: dict[str, Any] = {}
    for name in names:
        config = merge(config, _layers(PROTOCOLS.get(name, path.parent / name), (*above, path.resolve())))
    experiments = content.get("experiments")
    for part in (content, *(experiments.values() if isinstance(experiments, dict) else ())):
        if isinstance(part, dict) and isinstance(name := part.get("protocol"), str) and name.endswith(ENDINGS):
            part["protocol"] = str((path.parent / name).resolve())
    plugins = content.get("plugins", "plugins")
    if isinstance(plugins, str) and ("plugins" in content or (path.parent / plugins).is_dir()):
        content["plugins"] = str((path.parent / plugins).resolve())
    return merge(config, content)


def _content(path: Path) -> dict[str, Any]:
    """The mapping in one file."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UserError(f"config file {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None
    if len(text) > LARGEST_FILE:
        raise UserError(f"config file {path} is larger than {LARGEST_FILE} bytes")
    try:
        content = yaml.load(text.decode("utf-8-sig"), Loader)  # noqa: S506  (a SafeLoader)
    except UnicodeDecodeError:
        raise UserError(f"config file {path} is not UTF-8 text") from None
    except RecursionError:
        raise UserError(f"config file {path} is nested deeper than {DEEPEST} levels") from None
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"config file {path} is not valid YAML{where}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError) as error:  # the last: of tags that lie
        raise UserError(f"config file {path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"config file {path} holds no mapping of keys to values")
    _measure(content, path)
    return content


def _measure(content: Any, path: Path) -> None:
    """Refuse anchors that contain themselves, and few characters that stand for millions of values."""
    left = LARGEST
    level = [content]
    for _ in range(DEEPEST):
        level = [
            value
            for part in level
            for value in (part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
        ]
        left -= len(level)
        if left < 0:
            raise UserError(f"config file {path} holds more than {LARGEST} values")
    if level:
        raise UserError(f"config file {path} is nested deeper than {DEEPEST} levels, or an anchor contains itself")


def add_plugins(folder: str | None) -> None:
    """Put the folder of a study's own modules on the Python path, behind all else."""
    if folder and folder not in sys.path:
        sys.path.append(folder)
