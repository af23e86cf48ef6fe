"""The floors of the house, and what its style forbids, read from the code."""

import ast
import functools
import graphlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("mgm_tf", "datasets")

# What stands further down in `mgm_tf/` comes first. Imports point down, or sideways
# within a folder. Doors, the `__main__.py` of the command lines, open on all floors.
FLOORS = (
    "replicas",
    "errors",
    "config",
    "plotting",
    "tasks",
    "networks",
    "data",
    "method",
    "train",
    "probe",
    "evaluate",
    "export",
    "predict",
    "experiments",
    "benchmark",
)
MOST_ENTRIES = 16
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def module_of(path: pathlib.Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_of(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
OURS = [name for name in MODULES if name.startswith("mgm_tf.")]


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@functools.cache
def imported(module: str) -> frozenset[str]:
    """The full names of all that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative imports hide where they point"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@functools.cache
def needed(module: str) -> frozenset[str]:
    """The modules of these packages that a module imports."""
    names = {
        name if name in MODULES else name.rpartition(".")[0]
        for name in imported(module)
        if name.split(".")[0] in PACKAGES
    }
    assert names <= set(MODULES), names - set(MODULES)
    return frozenset(names - {module})


def unit(module: str) -> str:
    """The folder or module of the list to which a module belongs."""
    return module.split(".")[1]


def is_door(module: str) -> bool:
    return module.endswith(".__main__")


def test_the_list_names_what_is_there_and_that_is_little():
    assert {unit(module) for module in OURS} == set(FLOORS)
    entries = {path.name for path in (ROOT / "mgm_tf").iterdir()} - {"__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_imports_point_down():
    place = {name: number for number, name in enumerate(FLOORS)}
    upwards = [
        f"{module} imports {name}"
        for module in OURS
        for name in needed(module)
        if not is_door(module)
        and name in OURS
        and place[unit(name)] > place[unit(module)]
    ]
    assert not upwards


def test_no_module_needs_itself():
    graph = {name: needed(name) for name in MODULES}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(graph)


def test_data_sets_know_nothing_of_the_method():
    for module in MODULES:
        if module.startswith("datasets"):
            assert not any(name.startswith("mgm_tf") for name in needed(module)), module


def test_the_method_knows_of_data_sets_what_their_records_say():
    known = {
        (module, name)
        for module in OURS
        for name in needed(module)
        if name.startswith("datasets") and name != "datasets.metadata"
    }
    assert known == {
        ("mgm_tf.data.builders", "datasets"),
        ("mgm_tf.experiments.generated_files", "datasets.generated"),
    }


def test_settings_are_read_at_the_top_only():
    readers = {
        module
        for module in OURS
        if "mgm_tf.config.settings" in needed(module) and not is_door(module)
    }
    above = FLOORS[FLOORS.index("train") :]
    # Which examples a run has is a question of settings.
    below = {"mgm_tf.config.checks", "mgm_tf.config.saved", "mgm_tf.data.dataset"}
    assert {name for name in readers if unit(name) not in above} == below


def test_flags_are_defined_and_read_in_few_places():
    users = {
        module
        for module in OURS
        if any(name.split(".")[0] == "absl" for name in imported(module))
        and not is_door(module)
    }
    assert users == {
        "mgm_tf.benchmark",
        "mgm_tf.config.checks",
        "mgm_tf.config.command_line",
        "mgm_tf.config.options",
        "mgm_tf.config.settings",
        # It checks the arguments of the commands that it makes.
        "mgm_tf.experiments.jobs",
    }


def test_each_layer_stands_alone():
    # The paper's equations can be read without the rest of the house.
    alone = {
        "config.options",
        "data.randomness",
        "plotting.tiles",
        "replicas",
        "tasks.metrics",
    }
    for name in alone:
        assert not needed(f"mgm_tf.{name}"), name
    assert needed("mgm_tf.tasks.losses") == {"mgm_tf.replicas"}
    for name in ("algorithm", "train_step"):
        used = needed(f"mgm_tf.method.{name}")
        networks = {module for module in used if unit(module) == "networks"}
        assert all("networks.layers" in module for module in networks), networks


def conditions(node: ast.AST):
    """Whatever decides a branch."""
    for part in ast.walk(node):
        if isinstance(part, ast.If | ast.IfExp | ast.While):
            yield part.test
        elif isinstance(part, ast.comprehension):
            yield from part.ifs
        elif isinstance(part, ast.match_case):
            yield part.pattern


def is_text(node: ast.AST) -> bool:
    """A string, or a tuple, list or set with one."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(is_text(item) for item in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def compares_text(condition: ast.AST) -> bool:
    """Whether a condition compares something with a string that is written there."""
    return any(
        (isinstance(part, ast.Compare) and any(map(is_text, operands(part))))
        or (isinstance(part, ast.MatchValue) and is_text(part.value))
        for part in ast.walk(condition)
    )


def operands(comparison: ast.Compare):
    return [comparison.left, *comparison.comparators]


def is_main(condition: ast.AST) -> bool:
    return ast.unparse(condition) == "__name__ == '__main__'"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("if mode == 'joint': pass", True),
        ("x = 1 if mode in ('a', 'b') else 2", True),
        ("x = [y for y in z if y != 'a']", True),
        ("match mode:\n  case 'joint': pass", True),
        ("if not (done and 'joint' == mode): pass", True),
        ("if batch['depth'] > 0: pass", False),
        ("if name in TABLE: pass", False),
    ],
)
def test_the_search_finds_what_it_is_for(code, found):
    assert any(map(compares_text, conditions(ast.parse(code)))) == found


# What says which settings cannot stand together has to name them.
NAMING = {"mgm_tf.config.settings", "mgm_tf.config.checks"}


def test_no_branch_asks_for_a_name():
    branches = [
        f"{module}:{condition.lineno}"
        for module in MODULES
        if module not in NAMING
        for condition in conditions(tree(module))
        if compares_text(condition) and not is_main(condition)
    ]
    assert not branches, "A variant is a row of a table."


def test_files_and_functions_are_short():
    long = [
        name
        for name, path in MODULES.items()
        if len(path.read_text().splitlines()) > LONGEST_FILE
    ]
    long += [
        f"{module}.{node.name}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long


def test_errors_are_raised_not_asserted():
    asserted = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Assert)
    ]
    assert not asserted
