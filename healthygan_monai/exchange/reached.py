"""Cut our packages down to the definitions that some names reach, for a bundle that brings them.

A definition is a statement at the top of a module. Kept are those that the names use, those that
these use, and so on; imports shrink to the names that are used. What is kept stays word by word.
Imports inside functions count as used.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

OURS = ("healthygan_monai", "data_prep")
Import = ast.Import | ast.ImportFrom
DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+)+")


@dataclass
class Module:
    """One of our modules: what defines each name, and which names are kept."""

    name: str
    file: Path
    kept: set[str] = field(default_factory=set)

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def statements(self) -> list[tuple[ast.stmt, set[str]]]:
        """Each statement with the names that it defines or changes; none for those always kept."""
        return [
            (node, set(_names(node)))
            for node in self.tree.body
            if not (isinstance(node, ast.Assign) and "__all__" in _names(node))
        ]

    @cached_property
    def defined(self) -> set[str]:
        return {name for _, names in self.statements for name in names}

    def source(self) -> str:
        """Return the module with the kept definitions alone, comments above them included."""
        lines = self.text.splitlines()
        parts, last = [], 0
        for node, names in self.statements:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
            begin = first
            while begin > last and lines[begin - 1].startswith("#"):
                begin -= 1
            last = node.end_lineno or node.lineno
            if isinstance(node, Import):
                parts += self._imports(node)
            elif isinstance(node, ast.If) and _for_types(node):
                inside = [line for each in node.body for line in self._imports(each)]
                parts += ["if TYPE_CHECKING:\n    " + "\n    ".join(inside)] if inside else []
            elif not names or names & self.kept:
                parts.append("\n".join(lines[begin:last]))
        if public := sorted(self.kept & set(self._public())):
            parts.append(f"__all__ = {public!r}")
        return "\n\n".join(parts) + "\n" if parts else ""

    def _public(self) -> Iterator[str]:
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and "__all__" in _names(node):
                parts = ast.walk(node.value)
                yield from (str(part.value) for part in parts if isinstance(part, ast.Constant))

    def _imports(self, node: ast.stmt) -> list[str]:
        """Return an import of the kept names, if any."""
        assert isinstance(node, Import)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        names = [a for a in node.names if future or _bound(a) in self.kept]
        if not names:
            return []
        few = ast.ImportFrom(node.module, names, 0) if isinstance(node, ast.ImportFrom) else None
        return [ast.unparse(few or ast.Import(names))]


class Reached:
    """Follow names through the packages in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: dict[str, Module] = {}

    def add(self, module: str, name: str) -> None:
        """Keep a name of a module, and all that it reaches.

        Raises:
            ValueError: there is no such name.
        """
        found = self._module(module)
        if name in found.kept:
            return
        if name not in found.defined:
            if self._file(f"{module}.{name}") is None:
                raise ValueError(f"{module} defines no {name}.")
            self._module(f"{module}.{name}")
            return
        found.kept.add(name)
        for node, names in found.statements:
            if name in names:
                self._follow(found, node, name)

    def sources(self) -> dict[Path, str]:
        """Return relative paths and texts of the modules that are kept, packages' own included."""
        return {
            module.file.relative_to(self.folder): module.source()
            for module in self.modules.values()
        }

    def _file(self, module: str) -> Path | None:
        place = self.folder.joinpath(*module.split("."))
        files = (place / "__init__.py", place.with_suffix(".py"))
        return next((file for file in files if file.is_file()), None)

    def _module(self, name: str) -> Module:
        if name in self.modules:
            return self.modules[name]
        if (file := self._file(name)) is None:
            raise ValueError(f"no module {name}.")
        module = self.modules[name] = Module(name, file)
        if "." in name:
            self._module(name.rpartition(".")[0])
        for node, names in module.statements:
            if not names:
                self._follow(module, node, None)
        return module

    def _follow(self, module: Module, node: ast.stmt, name: str | None) -> None:
        """Keep what a statement uses; of an import of several names, what ``name`` stands for."""
        if isinstance(node, ast.If) and _for_types(node):
            for each in node.body:
                self._follow(module, each, name)
            module.kept.add("TYPE_CHECKING")
        elif isinstance(node, Import):
            self._import(node, name)
        else:
            for part in ast.walk(node):
                if isinstance(part, Import):
                    self._import(part, None)
                elif isinstance(part, ast.Name) and part.id in module.defined:
                    self.add(module.name, part.id)
                elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                    self._attribute(module, part.value.id, part.attr)
                elif isinstance(part, ast.Constant) and DOTTED.fullmatch(str(part.value)):
                    first = str(part.value).partition(".")[0]  # a type in quotes: "torch.Tensor"
                    if first in module.defined:
                        self.add(module.name, first)

    def _import(self, node: Import, name: str | None) -> None:
        if isinstance(node, ast.Import):
            if any(alias.name.split(".")[0] in OURS for alias in node.names):
                raise ValueError(f"{ast.unparse(node)}: write it as from MODULE import NAME.")
        elif (node.module or "").split(".")[0] in OURS:
            for alias in node.names:
                if name in (None, _bound(alias)):
                    self.add(str(node.module), alias.name)

    def _attribute(self, module: Module, name: str, attribute: str) -> None:
        """Keep ``attribute`` of a module of ours that was imported as ``name``."""
        for node, names in module.statements:
            if name in names and isinstance(node, ast.ImportFrom):
                (alias,) = (alias for alias in node.names if _bound(alias) == name)
                imported = f"{node.module}.{alias.name}"
                if imported.split(".")[0] in OURS and self._file(imported) is not None:
                    self.add(imported, attribute)


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines, or whose attributes it sets."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, Import):
        yield from (_bound(alias) for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from _targets(node.targets)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        yield from _targets([node.target])
    elif isinstance(node, ast.If) and _for_types(node):
        yield from (name for each in node.body for name in _names(each))


def _targets(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        found = next((part for part in ast.walk(node) if isinstance(part, ast.Name)), None)
        if isinstance(node, ast.Tuple):
            yield from _targets(node.elts)
        elif found is not None:
            yield found.id


def _bound(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.split(".")[0]


def _for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
