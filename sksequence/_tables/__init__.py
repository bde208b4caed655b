"""Columns of the tables of pandas, polars and Arrow, which are read with narwhals.

narwhals is a requirement of scikit-learn. It is imported only when there is a table.
"""

from sksequence._tables._matching import (
    SEEN_IN_FIT,
    align_tables,
    check_names,
    join_tables,
    match_tables,
    rename_columns,
    select_columns,
    tables_in,
    take_rows,
)
from sksequence._tables._table import (
    Table,
    as_table,
    check_items_are_steps,
    check_rows_are_sequences,
    check_rows_are_steps,
    check_same_steps,
    column_names,
    feature_names,
    holds_times,
    is_table,
    series_name,
)
from sksequence._tables._table_columns import (
    column_kinds,
    comparable,
    holds_sequences,
    plain_numbers,
    read_array_columns,
    read_columns,
    read_key,
    read_ranks,
    with_column,
    with_column_from,
)

__all__ = [
    "SEEN_IN_FIT",
    "Table",
    "align_tables",
    "as_table",
    "check_items_are_steps",
    "check_names",
    "check_rows_are_sequences",
    "check_rows_are_steps",
    "check_same_steps",
    "column_kinds",
    "column_names",
    "comparable",
    "feature_names",
    "holds_sequences",
    "holds_times",
    "is_table",
    "join_tables",
    "match_tables",
    "plain_numbers",
    "read_array_columns",
    "read_columns",
    "read_key",
    "read_ranks",
    "rename_columns",
    "select_columns",
    "series_name",
    "tables_in",
    "take_rows",
    "with_column",
    "with_column_from",
]
