from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fixtures_gen
from fixtures_gen import CATALOGUE, Recipe, Size, Truth
from fixtures_gen.recipe import Encode, Lavfi, recipe_hash
from fixtures_gen.sources import Camera

BASE = CATALOGUE["untagged"]
PACKAGE = Path(fixtures_gen.__file__).parent


def hash_of(recipe: Recipe = BASE, size: Size = Size.P180, version: str = "n9") -> str:
    return recipe_hash(recipe, size, version)


def test_anything_that_could_change_the_bytes_changes_the_hash() -> None:
    [step] = BASE.steps(Size.P180)
    assert isinstance(step.source, Camera)
    others = [
        hash_of(size=Size.P360),
        hash_of(version="n10"),
        hash_of(replace(BASE, version=2)),
        hash_of(replace(BASE, name="other")),
        hash_of(replace(BASE, steps=lambda _: (replace(step, args=(*step.args, "-g", "1")),))),
        hash_of(replace(BASE, steps=lambda _: (replace(step, source=replace(step.source, seed=9)),))),
        hash_of(replace(BASE, steps=lambda _: (replace(step, source=Lavfi("testsrc2")),))),
        hash_of(replace(BASE, truth=lambda _: Truth(()))),
    ]
    assert len({hash_of(), *others}) == len(others) + 1


def test_title_and_tags_do_not_change_it() -> None:
    assert hash_of(replace(BASE, title="another", tags=frozenset())) == hash_of()


def test_it_is_16_hex_digits_and_the_same_in_another_process() -> None:
    code = (
        "from fixtures_gen import CATALOGUE, Size; from fixtures_gen.recipe import recipe_hash;"
        "print(*(recipe_hash(r, r.default_size, 'n9') for r in CATALOGUE.values()))"
    )
    command = [sys.executable, "-c", code]
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(PACKAGE.parent)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert told == [recipe_hash(r, r.default_size, "n9") for r in CATALOGUE.values()]
    assert all(len(h) == 16 and int(h, 16) >= 0 for h in told)


def test_commands_are_bitexact_and_name_no_folder() -> None:
    for recipe in CATALOGUE.values():
        for step in recipe.steps(recipe.default_size):
            if isinstance(step, Encode):
                assert step.arguments[-5:-1] == ("-fflags", "+bitexact", "-flags:v", "+bitexact")
                assert step.arguments[-1] == step.output
                assert not any(a.startswith("/") for a in step.arguments)


def test_nothing_of_the_program_under_test_is_imported() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "hfbench" for name in names), path


def test_sizes_are_even_and_16_to_9() -> None:
    for size in Size:
        assert size.width * 9 == size.height * 16
        assert size.width % 2 == size.height % 2 == 0
