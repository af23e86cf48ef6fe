"""The paper's experiments as data: which trainings fill which cells of which tables.

`records` says what tables are made of, `trainings` names what is trained, `notation`
is how tables are written. Table 4 is in `tables_4_to_9`, figure 5 in `figures`; what
the paper does not have is in `beyond`.
"""

from mgm_tf.experiments.registry import (
    beyond,
    figures,
    tables_1_to_3,
    tables_4_to_9,
    tables_10_to_15,
)
from mgm_tf.experiments.registry.records import Table

_MODULES = (tables_1_to_3, tables_4_to_9, tables_10_to_15, figures, beyond)

# By name, in the order of these modules: `1` to `15`, `F4` to `F8`, `X1` to `X4`.
TABLES: dict[str, Table] = {
    thing.name: thing
    for module in _MODULES
    for thing in vars(module).values()
    if isinstance(thing, Table)
}


def table_of(name: str) -> Table:
    """The table of that name.

    Raises:
      ValueError: there is none.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise ValueError(f"No table {name!r}; there are {', '.join(TABLES)}.") from None
