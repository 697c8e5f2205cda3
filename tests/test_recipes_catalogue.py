"""Recipes as data: read strictly, laid over each other, turned into prompts that cannot be talked out of their task."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conversion.options import OptionInvalid, OptionUnknown
from service.conversion.prompt import render
from service.conversion.recipe import Recipe, RecipeInvalid, applicable_options, options_for
from service.conversion.recipes import Catalogue, LiveCatalogue, builtin_directory

GOOD = """
version = "1"
title = "Example"
description = "An example."
kernel = "light"
program = ["example.py"]
fidelity = "exact"
prompt = "Turn this {source_type} into {target}; keep {this} as it is."
[[converts]]
from = ["text/csv", "application/xml"]
to = ["json", "md"]
[options.rows]
type = "integer"
default = 10
minimum = 1
maximum = 100
description = "How many rows."
[options.style]
type = "choice"
default = "plain"
choices = ["plain", "grid"]
to = ["md"]
description = "How the table looks."
""".replace(" keep {this} as it is.", "")

Write = Callable[..., Path]


@pytest.fixture
def recipes(tmp_path: Path) -> Write:
    """Write a directory of recipes: ``recipes(example=(toml, python))``."""

    def write(directory: str = "recipes", /, **files: tuple[str, str]) -> Path:
        place = tmp_path / directory
        place.mkdir(exist_ok=True)
        for name, (toml, python) in files.items():
            (place / f"{name}.toml").write_text(toml, encoding="utf-8")
            (place / f"{name}.py").write_text(python, encoding="utf-8")
        return place

    return write


def _recipe(catalogue: Catalogue) -> Recipe:
    found = catalogue.recipe_for("text/csv", "json")
    assert found is not None
    return found


def test_the_built_in_recipes_load_and_hang_together() -> None:
    """Every pair has its recipe, and every output its media type."""
    catalogue = Catalogue.load([builtin_directory()])
    assert len(catalogue.pairs()) > 250
    assert all(catalogue.recipe_for(pair.input_type, pair.output_format) for pair in catalogue.pairs())


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('title = "Example"', 'titel = "Example"', "titel"),
        ('version = "1"', "version = 1", "version"),
        ('kernel = "light"', 'kernel = "heavy"', "kernel"),
        ('"text/csv", "app', '"text/cvs", "app', "converts[0].from"),
        ('"text/csv", "app', '"application/csv", "app', "converts[0].from"),
        ('to = ["json", "md"]', 'to = ["json", "mdx"]', "converts[0].to"),
        ('to = ["json", "md"]', 'to = ["json", "json"]', "converts"),
        ("{target}", "{tarket}", "prompt"),
        ('prompt = "Turn', 'prompt = "\\n```python\\nTurn', "prompt"),
        ('"example.py"', '"missing.py"', "program"),
        ('"example.py"', '"../example.py"', "program"),
        ("default = 10", "default = 1000", "options.rows"),
        ("default = 10", 'default = "10"', "options.rows"),
        ('default = "plain"', 'default = "fancy"', "options.style"),
        ('choices = ["plain", "grid"]\n', "", "options.style"),
        ('type = "integer"', 'type = "int"', "options"),
        ("maximum = 100", "largest = 100", "options"),
        ('title = "Example"', 'title = "Example"\nname = "x"', "name"),
    ],
)
def test_a_fault_is_named_by_file_and_key(recipes: Write, old: str, new: str, key: str) -> None:
    """Start-up stops with one line."""
    assert old in GOOD
    place = recipes(example=(GOOD.replace(old, new, 1), "pass\n"))
    with pytest.raises(RecipeInvalid) as caught:
        Catalogue.load([place])
    assert caught.value.file == place / "example.toml"
    assert key in f"{caught.value.key} {caught.value.reason}"
    assert "\n" not in str(caught.value)


def test_a_program_that_does_not_parse_is_named_with_its_line(recipes: Write) -> None:
    """Before anything runs."""
    place = recipes(example=(GOOD, "x = 1\ndef f(:\n"))
    with pytest.raises(RecipeInvalid, match=r"example\.py, line 2"):
        Catalogue.load([place])


def test_a_pair_given_twice_is_refused(recipes: Write) -> None:
    """Two recipes of one directory may not do the same."""
    place = recipes(example=(GOOD, "pass\n"), other=(GOOD, "pass\n"))
    with pytest.raises(RecipeInvalid, match=r"other\.toml: converts: text/csv to json is already in example"):
        Catalogue.load([place])


def test_a_second_directory_adds_and_overrides(recipes: Write) -> None:
    """Its pairs win; the rest of the first stays; a recipe of the same name is replaced."""
    below = recipes("below", example=(GOOD, "pass\n"))
    other = GOOD.replace('"text/csv", "application/xml"', '"text/csv"').replace('["json", "md"]', '["md", "html"]')
    above = recipes("above", mine=(other, "x = 1\n"))
    catalogue = Catalogue.load([below, above])
    makers = {(p.input_type, p.output_format): p.recipe for p in catalogue.pairs() if p.input_type == "text/csv"}
    assert makers == {("text/csv", "json"): "example", ("text/csv", "md"): "mine", ("text/csv", "html"): "mine"}
    replaced = Catalogue.load([below, recipes("again", example=(other, "pass\n"))])
    assert replaced.recipe_for("text/csv", "json") is None


def source_of(recipe: Recipe) -> str:
    """Return its program for a pair."""
    return recipe.source(target="json", source_type="text/csv")


def test_a_second_directory_may_use_the_programs_of_the_first(recipes: Write) -> None:
    """``base.py`` need not be copied; a file of the same name beside the recipe goes first."""
    below = recipes("below", example=(GOOD, "below = 1\n"))
    toml = GOOD.replace('["example.py"]', '["example.py", "mine.py"]').replace("json", "html")
    catalogue = Catalogue.load([below, recipes("above", mine=(toml, "mine = 1\n"))])
    found = catalogue.recipe("mine")
    assert found is not None
    assert source_of(found) == "below = 1\n\nmine = 1\n"


def test_programs_may_stand_in_folders(recipes: Write) -> None:
    """A recipe names them as before; one beside the recipe goes first; a change in a folder is seen."""
    toml = GOOD.replace('["example.py"]', '["deep.py", "example.py"]')
    place = recipes(example=(toml, "beside = 1\n"))
    (place / "folder").mkdir()
    (place / "folder" / "deep.py").write_text("deep = 1\n", encoding="utf-8")
    (place / "folder" / "example.py").write_text("hidden = 1\n", encoding="utf-8")
    live = LiveCatalogue([place])
    found = live.current(0).recipe("example")
    assert found is not None
    assert source_of(found) == "deep = 1\n\nbeside = 1\n"
    (place / "folder" / "deep.py").write_text("deeper = 2\n", encoding="utf-8")
    changed = live.current(10).recipe("example")
    assert changed is not None
    assert source_of(changed).startswith("deeper = 2")


def test_an_entry_may_name_a_program_and_kernel_of_its_own(recipes: Write) -> None:
    """One recipe, two ways to make its outputs; what an entry does not name is the recipe's."""
    entry = '[[converts]]\nfrom = ["text/csv"]\nto = ["html"]\nprogram = ["other.py"]\nkernel = "image"\n'
    folder = recipes("folder", example=(GOOD + "\n" + entry, "own = 1\n"))
    (folder / "other.py").write_text("other = 1\n")
    catalogue = Catalogue.load([folder])
    made = [each for name in ("json", "html") if (each := catalogue.recipe_for("text/csv", name))]
    assert [(source_of(each), each.kernel) for each in made] == [("own = 1\n", "light"), ("other = 1\n", "image")]


def test_hidden_files_of_a_mounted_volume_are_left_alone(recipes: Write) -> None:
    """Kubernetes keeps ``..data`` and its like beside the files."""
    place = recipes(example=(GOOD, "pass\n"))
    (place / "..data.toml").write_text("nonsense", encoding="utf-8")
    assert Catalogue.load([place]).recipe("example") is not None


def test_a_changed_file_is_seen_and_a_broken_one_changes_nothing(recipes: Write) -> None:
    """Looked for at most every two seconds."""
    place = recipes(example=(GOOD, "pass\n"))
    live = LiveCatalogue([place])
    assert live.current(0.0).recipe_for("text/csv", "html") is None
    recipes(example=(GOOD.replace('"md"]\n[o', '"md", "html"]\n[o'), "pass\n"))
    assert live.current(1.0).recipe_for("text/csv", "html") is None
    assert live.current(2.0).recipe_for("text/csv", "html") is not None
    recipes(example=("broken", "pass\n"))
    assert live.current(4.0).recipe_for("text/csv", "html") is not None
    assert live.fault is not None


def test_a_special_case_uses_the_general_recipe(recipes: Write) -> None:
    """RSS is XML: the program is told the type it was written for."""
    recipe = Catalogue.load([recipes(example=(GOOD, "pass\n"))]).recipe_for("application/rss+xml", "json")
    assert recipe is not None
    prompt = render(recipe, source_type="application/rss+xml", target="json", options={})
    assert "SOURCE_TYPE = 'application/xml'" in prompt


@pytest.mark.parametrize(
    ("given_", "takes"),
    [
        ({"rows": "0"}, "an integer from 1 to 100"),
        ({"rows": "ten"}, "an integer from 1 to 100"),
        ({"style": "x"}, "one of plain, grid"),
    ],
)
def test_an_ill_typed_option_is_named_with_what_it_takes(recipes: Write, given_: dict[str, str], takes: str) -> None:
    """So that the caller can put it right."""
    recipe = _recipe(Catalogue.load([recipes(example=(GOOD, "pass\n"))]))
    with pytest.raises(OptionInvalid) as caught:
        options_for(recipe, "text/csv", "md", given_)
    assert (caught.value.name, caught.value.takes) == (next(iter(given_)), takes)


def test_options_apply_where_they_say(recipes: Write) -> None:
    """Defaults are filled in; an option of another output is unknown here."""
    recipe = _recipe(Catalogue.load([recipes(example=(GOOD, "pass\n"))]))
    assert options_for(recipe, "text/csv", "md", {"rows": "7"}) == {"rows": 7, "style": "plain"}
    assert list(applicable_options(recipe, "text/csv", "json")) == ["rows"]
    with pytest.raises(OptionUnknown) as caught:
        options_for(recipe, "text/csv", "json", {"style": "grid"})
    assert caught.value.offered == ("rows",)


@given(words=st.text(max_size=300), logs=st.text(max_size=300), value=st.text(max_size=50))
def test_nothing_a_caller_says_becomes_a_second_program(words: str, logs: str, value: str) -> None:
    """Words and logs stay on one line each, as JSON strings; the block is one, whole and last."""
    recipe = Catalogue.load([builtin_directory()]).recipe_for("text/csv", "xlsx")
    assert recipe is not None
    options = options_for(recipe, "text/csv", "xlsx", {}) | {"encoding": value}
    prompt = render(
        recipe, source_type="text/csv", target="xlsx", options=options, instructions=words, earlier_failure=logs
    )
    fences = [line for line in prompt.splitlines() if re.match(r" {0,3}(```|~~~)", line)]
    assert len(fences) == 2
    code = prompt.split(f"{fences[0]}\n", 1)[1].rsplit(f"\n{fences[1]}", 1)[0]
    names: dict[str, object] = {}
    exec(dedent(code.split("import", 1)[0].rsplit('"""', 2)[0]), names)  # noqa: S102 - the literals at its top
    assert (names["TARGET"], names["OPTIONS"]) == ("xlsx", options)


def test_a_program_with_fences_in_it_is_fenced_with_more(recipes: Write) -> None:
    """A program that writes Markdown does not end its own block."""
    recipe = _recipe(Catalogue.load([recipes(example=(GOOD, 'text = """\n```\n"""\n'))]))
    assert "````python\n" in render(recipe, source_type="text/csv", target="json", options={})


def test_a_thousand_recipes_load_quickly(recipes: Write) -> None:
    """Start-up and a reload stay far below a probe's patience."""
    toml = (
        GOOD.replace('"text/csv", "application/xml"', '"text/csv"')
        .replace('["json", "md"]', "[]")
        .replace('to = ["md"]\n', "")
    )
    files = {f"recipe{n}": (toml.replace("example.py", f"recipe{n}.py"), f"x = {n}\n") for n in range(1000)}
    place = recipes(**files)
    began = time.process_time()
    assert len(Catalogue.load([place]).recipes()) == 1000
    assert time.process_time() - began < 10
