"""The paper's experiments as data: the trainings that fill the cells of its tables.

`records` says what tables are made of, `trainings` names what is trained, `notation`
is how tables are written. Table 4 is in `tables_4_to_9`, figure 5 in `figures`; what
the paper does not have is in `beyond`.
"""

from datasets.files.names import nearest
from mgm_tf.experiments.registry import (
    beyond,
    figures,
    tables_1_to_3,
    tables_4_to_9,
    tables_10_to_15,
)
from mgm_tf.experiments.registry.records import Table

_MODULES = (tables_1_to_3, tables_4_to_9, tables_10_to_15, figures, beyond)

# By name, in the order of these modules: `1` to `15`, `F4` to `F8`, `X1` to `X5`.
TABLES: dict[str, Table] = {
    table.name: table
    for module in _MODULES
    for table in vars(module).values()
    if isinstance(table, Table)
}


def table_of(name: str) -> Table:
    """Returns the table or figure of that name.

    Raises:
      ValueError: there is no table of that name.
    """
    try:
        return TABLES[name]
    except KeyError:
        hint = nearest(name, TABLES)
        raise ValueError(
            f"No table {name!r}; there are {', '.join(TABLES)}{hint}"
        ) from None
