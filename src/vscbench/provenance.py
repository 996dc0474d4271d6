"""The code that a job depends on, found by reading it: the modules that it imports, and those that these import.

A rule of the workflow names the command that it runs and the parts that its run is made of; the `fingerprint` of these
is a parameter of the job, so that exactly the jobs whose code has changed run again. A file of the package that a
module names in double quotes, as a template or a table of reference runs, belongs to the module. A name in a table of
parts is no import: a run depends on the parts that its specification names, and a part that is added changes no other
run.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = __name__.partition(".")[0]
COMMANDS = f"{PACKAGE}.commands"
PLANNING = f"{PACKAGE}.config"
"""What only plans: all that it decides of a job is a parameter of the job, and it is not followed."""
READ = (".csv", ".html", ".json")
"""Files that modules read, by their ends; what a configuration reads, it resolves."""
Home = tuple[Path, str | None]
"""A folder in which modules are looked for, and the only outermost package of it that is; None where all are."""
OWN: Home = (Path(__file__).parents[1], PACKAGE)


@cache
def fingerprint(*entries: str) -> str:
    """16 hexadecimal digits that change with the code of `closure(*entries)`.

    Example:
        >>> fingerprint("vscbench.errors") == fingerprint("vscbench.errors:UserError")
        True
    """
    digest = hashlib.sha256()
    for path in closure(*entries):
        digest.update(path.name.encode() + b"\0" + _content(path) + b"\0")
    return digest.hexdigest()[:16]


def closure(*entries: str) -> list[Path]:
    """The files of the modules `entries`, and of all that they import, wherever they do.

    Followed are the modules of this package and, of a module of the user's own, those beside it.

    Args:
        entries: each `module` or `module:attribute`, as in the tables of parts, which means all of the module; only
            `vscbench.commands:NAME` is what that one command imports.

    Raises:
        UserError: there is no such module, or it is not valid Python.

    Example:
        >>> [path.name for path in closure("vscbench.files")]
        ['__init__.py', 'errors.py', 'files.py']
    """
    homes = (OWN, *dict.fromkeys(home for entry in entries if (home := _home(entry.partition(":")[0])) != OWN))
    found: dict[str, Path] = {}
    waiting = [name for entry in entries for name in _modules(entry, homes)]
    while waiting:
        name = waiting.pop()
        if name not in found and (path := _locate(name, homes)):
            found[name] = path
            waiting += _imports(path, name)
    return sorted({*found.values(), *(file for path in found.values() for file in _named(path))})


def _modules(entry: str, homes: Sequence[Home]) -> Sequence[str]:
    """The modules that `entry` stands for."""
    module, _, attribute = entry.partition(":")
    path = _locate(module, homes)
    if path is None:
        raise UserError(f"there is no module {module} on the Python path")
    if module == COMMANDS and attribute:
        return _imports(path, module, attribute)
    return list(_with_packages(module))


@cache
def _home(module: str) -> Home:
    """Where `module` and what belongs to it stand."""
    top = module.partition(".")[0]
    spec = None if top == PACKAGE else importlib.util.find_spec(top)
    if spec is None or not spec.origin or not spec.has_location:
        return OWN
    path = Path(spec.origin)
    folder = path.parents[1] if path.stem == "__init__" else path.parent
    installed = folder in map(Path, sys.path) and folder.name in ("site-packages", "dist-packages")
    return folder, top if installed else None


@cache
def _locate(name: str, homes: Sequence[Home]) -> Path | None:
    """The file of the module `name`; None where it is none that is followed."""
    if f"{name}.".startswith(f"{PLANNING}."):
        return None
    for folder, only in homes:
        path = folder.joinpath(*name.split("."))
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if only in {None, name.partition(".")[0]} and file.is_file():
                return file
    return None


@cache
def _files() -> dict[bytes, Path]:
    """What the package holds beside its modules, by its name in double quotes."""
    every = (path for path in OWN[0].joinpath(PACKAGE).rglob("*.*") if path.suffix in READ)
    return {f'"{path.name}"'.encode(): path for path in every}


@cache
def _named(path: Path) -> set[Path]:
    """The files of the package that the file at `path` names, and that these name."""
    text = path.read_bytes()
    named = {file for name, file in _files().items() if name in text and file != path}
    return named.union(*(_named(file) for file in named)) if named else named


@cache
def _imports(path: Path, module: str, function: str = "") -> tuple[str, ...]:
    """The modules that the file of `module`, or one function of it, may import, with the packages that they are in.

    A function imports what the functions of its file import that it calls, too.
    """
    try:
        tree: ast.AST = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    if function:
        tree = _called(tree, function)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: dict[str, None] = {}
    for node in _run(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]  # a module, or what is in the one before the dot
        else:
            continue
        for name in names:
            found |= dict.fromkeys(_with_packages(name))
    return tuple(found)


def _called(tree: ast.AST, function: str) -> ast.Module:
    """A function of a file, and those of the same file that it calls."""
    functions = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    found, waiting = ast.Module([], []), [function]
    while waiting:
        if body := functions.pop(waiting.pop(), None):
            found.body.append(body)
            calls = [each.func for each in ast.walk(body) if isinstance(each, ast.Call)]
            waiting += [each.id for each in calls if isinstance(each, ast.Name)]
    return found


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `tree` that are executed, not those for the type checker alone; no expression holds an import."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for other in node.orelse:
                yield from (other, *_run(other))
        elif not isinstance(node, ast.expr):
            yield from (node, *_run(node))


def _with_packages(module: str) -> Iterator[str]:
    """`module` and the packages around it: 'a.b' and 'a' of 'a.b'."""
    while module:
        yield module
        module = module.rpartition(".")[0]


@cache
def _content(path: Path) -> bytes:
    """The text of a file; of a package without its tables of parts, which map names to `module:attribute`."""
    text = path.read_bytes()
    if path.name != "__init__.py":
        return text
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict) and _is_table(node.value):
            del lines[node.lineno - 1 : node.end_lineno]
    return b"".join(lines)


def _is_table(value: ast.Dict) -> bool:
    """Whether all values of a mapping are texts with a colon."""
    values = [each.value for each in value.values if isinstance(each, ast.Constant)]
    return len(values) == len(value.values) and all(isinstance(each, str) and ":" in each for each in values)
