"""The floors of the house, and what its style forbids, read from the code."""

import ast
import functools
import graphlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("mgm_tf", "datasets")

# Imports point to the same floor or down. A package stands for its modules.
FLOORS = {
    5: {
        "benchmark",
        "command_line",
        "data",
        "evaluate",
        "experiments",
        "export",
        "predict",
        "probe",
        "train",
        "workers",
    },
    4: {
        "claiming",
        "composition",
        "data_set",
        "dry_run",
        "experiment",
        "jobs",
        "knowledge",
        "outlook",
        "records",
        "results",
        "running",
        "sources",
        "training",
        "tuning",
    },
    3: {
        "accounts",
        "audit",
        "builders",
        "callbacks",
        "checkpoints",
        "costs",
        "evaluation",
        "exhibits",
        "exporting",
        "inputs",
        "model",
        "objects",
        "pictures",
        "prediction",
        "prior",
        "probing",
        "provenance",
        "pseudo_labels",
        "reporting",
        "stand_ins",
        "stored",
    },
    2: {
        "adversarial",
        "algorithm",
        "expectation",
        "gradients",
        "networks",
        "objectives",
        "policy_learning",
        "predictor",
        "served",
        "weak_images",
    },
    1: {
        "colors",
        "examples",
        "geometry",
        "labels",
        "layers",
        "panels",
        "synthesis",
        "tasks",
    },
    0: {
        "array_files",
        "augment",
        "config",
        "devices",
        "diff_augment",
        "drawing",
        "gradient_surgery",
        "image_files",
        "kernel_distance",
        "lengths",
        "logs",
        "losses",
        "memory",
        "metrics",
        "optimizers",
        "options",
        "orders",
        "policies",
        "randomness",
        "registry",
        "replicas",
        "rules",
        "subsets",
        "task_weighting",
        "web_page",
    },
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}

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
    found = {
        name if name in MODULES else name.rpartition(".")[0]
        for name in imported(module)
        if name.split(".")[0] in PACKAGES
    }
    assert found <= set(MODULES), found - set(MODULES)
    return frozenset(found - {module})


def unit(module: str) -> str:
    """The module or package of the table to which a module belongs."""
    return module.split(".")[1]


def test_every_module_has_a_floor():
    assert {unit(module) for module in OURS} == set(FLOOR_OF)
    assert len(FLOOR_OF) == sum(len(names) for names in FLOORS.values())


@pytest.mark.parametrize("module", OURS)
def test_imports_point_down(module):
    upwards = {
        name
        for name in needed(module)
        if name.startswith("mgm_tf.") and FLOOR_OF[unit(name)] > FLOOR_OF[unit(module)]
    }
    assert not upwards


def test_no_module_needs_itself():
    graph = {name: needed(name) for name in MODULES}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(graph)


def test_data_sets_know_nothing_of_the_method():
    for module in MODULES:
        if module.startswith("datasets"):
            assert not any(name.startswith("mgm_tf") for name in needed(module))


def test_the_method_knows_of_data_sets_what_their_records_say():
    known = {
        (module, name)
        for module in OURS
        for name in needed(module)
        if name.startswith("datasets") and name != "datasets.metadata"
    }
    assert known == {
        ("mgm_tf.builders", "datasets"),
        ("mgm_tf.stand_ins", "datasets.generated"),
    }


def test_settings_are_read_at_the_top_only():
    readers = {unit(module) for module in OURS if "mgm_tf.config" in needed(module)}
    assert all(FLOOR_OF[name] >= 4 for name in readers)


def test_flags_are_defined_and_read_in_few_places():
    users = {
        unit(module)
        for module in OURS
        if any(name.split(".")[0] == "absl" for name in imported(module))
    }
    # `jobs` checks the arguments of the commands that it makes.
    assert users <= {"config", "options", "jobs"} | FLOORS[5]


def test_each_layer_stands_alone():
    # The paper's equations can be read without the rest of the house.
    alone = {"metrics", "optimizers", "randomness", "replicas", "options", "drawing"}
    for name in alone:
        assert not needed(f"mgm_tf.{name}")
    assert needed("mgm_tf.losses") == {"mgm_tf.replicas"}
    assert needed("mgm_tf.config") == {"mgm_tf.options", "mgm_tf.rules"}
    assert needed("mgm_tf.rules") == {"mgm_tf.lengths"}
    assert not any("networks" in name for name in needed("mgm_tf.algorithm"))
    assert not any("networks" in name for name in needed("mgm_tf.model"))


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
NAMING = {"mgm_tf.config", "mgm_tf.rules"}


@pytest.mark.parametrize("module", [m for m in MODULES if m not in NAMING])
def test_no_branch_asks_for_a_name(module):
    lines = [
        condition.lineno
        for condition in conditions(tree(module))
        if compares_text(condition) and not is_main(condition)
    ]
    assert not lines, "A variant is a row of a table."


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_are_short(module):
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST_FILE
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert not long


@pytest.mark.parametrize("module", MODULES)
def test_errors_are_raised_not_asserted(module):
    nodes = ast.walk(tree(module))
    assert not [node.lineno for node in nodes if isinstance(node, ast.Assert)]
