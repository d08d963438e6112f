"""Which of our modules cannot be the first one that a process imports; reads their names as JSON from stdin, and says why of each as JSON.

Only modules that import each other in a circle can work in one order and not in another. So the circles are taken one after the other, from
below: what a circle builds on is loaded already, and each of its members is then imported first in a process of its own. A package and the
modules that it imports are such a circle, for a module's package is always imported before it. (A module that uses what only others have
imported is found by mypy.)
"""

import ast
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected parts of a graph, each behind those that it leads to (Tarjan)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(imports[node]):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            place = stack.index(node)
            found.append(stack[place:])
            del stack[place:]

    for node in sorted(imports):
        if node not in number:
            visit(node)
    return found


def imported_by(module: str, known: set[str]) -> set[str]:
    """Return those of the known modules that an import of `module` imports, its packages among them."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None, f"{module} is a folder without __init__.py"
    package = module if spec.submodule_search_locations else module.rpartition(".")[0]
    names = {package}
    for statement in _at_import(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        else:
            base = package.rsplit(".", statement.level - 1)[0] if statement.level else ""
            origin = ".".join(part for part in (base, statement.module) if part)
            names |= {origin} | {f"{origin}.{alias.name}" for alias in statement.names}
    parts = [name.split(".") for name in names | {module}]
    whole = {".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)}
    return (whole & known) - {module}


def _at_import(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give the import statements that are executed with the module, not those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _at_import(node)


def error_of(module: str) -> str:
    """Import a module; return what went wrong, or nothing."""
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001, whatever it is, it is the answer
        return traceback.format_exc(limit=-2)[-4000:]
    return ""


def tried_first(module: str) -> str:
    """Import a module in a process of its own; return what went wrong, or nothing."""
    read, write = os.pipe()
    if not (child := os.fork()):
        os.write(write, error_of(module).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read().decode(errors="replace")
    os.waitpid(child, 0)
    return said


def main() -> None:
    """Try each module."""
    modules = set(json.load(sys.stdin))
    failed: dict[str, str] = {}
    for circle in circles({module: imported_by(module, modules) for module in modules}):
        if len(circle) > 1:
            failed |= {module: said for module in circle if (said := tried_first(module))}
        for module in circle:
            if module not in failed and (said := error_of(module)):
                failed[module] = said
    json.dump(failed, sys.stdout)


if __name__ == "__main__":
    main()
