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
    "errors",
    "files",
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
    "sample",
    "serve_check",
    "demo",
)
# What anybody may import of the data sets' package: the records of data, what no camera
# can see, and the reading of files.
FOR_ALL = ("datasets.metadata", "datasets.plausibility", "datasets.files")
# Sixteen, and the doors that are modules.
MOST_ENTRIES = 16 + len(("sample", "serve_check", "demo"))
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
        if name.startswith("datasets") and not name.startswith(FOR_ALL)
    }
    assert known == {
        ("mgm_tf.data.builders", "datasets"),
        # The gallery of the page.
        ("mgm_tf.demo", "datasets.rooms.render"),
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
        "mgm_tf.config.checks",
        "mgm_tf.config.command_line",
        "mgm_tf.config.options",
        "mgm_tf.config.settings",
        "mgm_tf.demo",
        # It checks the arguments of the commands that it makes.
        "mgm_tf.experiments.jobs",
        "mgm_tf.sample",
        "mgm_tf.serve_check",
    }


def test_each_layer_stands_alone():
    # The paper's equations can be read without the rest of the house.
    alone = {
        "config.options",
        "data.randomness",
        "plotting.tiles",
        "tasks.metrics",
        "tasks.replicas",
    }
    for name in alone:
        assert not needed(f"mgm_tf.{name}"), name
    assert needed("mgm_tf.tasks.losses") == {"mgm_tf.tasks.replicas"}
    for name in ("algorithm", "train_step"):
        used = needed(f"mgm_tf.method.{name}")
        networks = {module for module in used if unit(module) == "networks"}
        assert all("networks.layers" in module for module in networks), networks


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@functools.cache
def own_strings(module: str) -> frozenset[str]:
    """The names of the strings that a module defines."""
    assignments = (node for node in tree(module).body if isinstance(node, ast.Assign))
    return frozenset(name for node in assignments for name in strings_of(node))


def string_constants(module: str) -> frozenset[str]:
    """The names of the strings that a module defines or imports of these packages."""
    names = set(own_strings(module))
    for name in imported(module):
        home, _, constant = name.rpartition(".")
        if home in MODULES:
            names |= {constant} & own_strings(home)
    return frozenset(names)


def strings_of(assignment: ast.Assign) -> set[str]:
    """The names that an assignment gives to strings, `A = "a"` or `A, B = "a", "b"`."""
    (target,) = assignment.targets[:1]
    pairs = [(target, assignment.value)]
    if isinstance(target, ast.Tuple) and isinstance(assignment.value, ast.Tuple):
        pairs = list(zip(target.elts, assignment.value.elts, strict=True))
    return {
        name.id
        for name, value in pairs
        if isinstance(name, ast.Name) and is_string(value)
    }


def comparisons(code: ast.AST, constants: frozenset[str] = frozenset()):
    """Whatever compares with a string that is written or named there, anywhere."""

    def is_text(node: ast.AST) -> bool:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return any(map(is_text, node.elts))
        return is_string(node) or (isinstance(node, ast.Name) and node.id in constants)

    for node in ast.walk(code):
        if isinstance(node, ast.MatchValue) and is_text(node.value):
            yield node
        elif isinstance(node, ast.Compare) and not is_main(node):
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(
                node.ops, operands[:-1], operands[1:], strict=True
            ):
                # A key is looked for in a table, a name among written ones.
                among = isinstance(operator, ast.In | ast.NotIn)
                if is_text(right) or (is_text(left) and not among):
                    yield node


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
        ("is_joint = mode == 'joint'", True),
        ("return_value = any(name == 'a' for name in names)", True),
        ("f(modes['k'] == 'a')", True),
        ("x = mode == JOINT", True),
        ("x = mode in (JOINT, other)", True),
        ("if batch['depth'] > 0: pass", False),
        ("if name in TABLE: pass", False),
        ("if JOINT in TABLE: pass", False),
        ("x = mode == other", False),
    ],
)
def test_the_search_finds_what_it_is_for(code, found):
    assert any(comparisons(ast.parse(code), frozenset({"JOINT"}))) == found


def test_the_search_knows_the_names_of_strings():
    assert "WEAK" in string_constants("mgm_tf.data.examples")
    assert "WEAK" in string_constants("mgm_tf.method.images")


# What may compare with a string, and why.
NAMING = {
    "mgm_tf.config.checks": "it says which settings cannot stand together",
    "mgm_tf.data.dataset": "a split is asked for by a person, who may err",
    "mgm_tf.data.memory": "a line of the kernel's file is looked for",
    "mgm_tf.data.splits": "in a stored example, all but the scene is an image",
    "mgm_tf.data.storage": "in a stored example, all but the scene is an image",
    "mgm_tf.experiments.__main__": "`all` on the command line",
    "mgm_tf.export.serving.rest_check": "a server says the state of a version in words",
    "mgm_tf.method.gradients": "PCGrad is about the encoder",
    "datasets.tiny_taskonomy.store": "files of a folder, by their endings",
}


def test_no_branch_asks_for_a_name():
    named = {
        f"{module}:{node.lineno}" if hasattr(node, "lineno") else module
        for module in MODULES
        if module not in NAMING
        for node in comparisons(tree(module), string_constants(module))
    }
    assert not named, "A variant is a row of a table."
    for module in NAMING:
        assert any(comparisons(tree(module), string_constants(module))), module


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
