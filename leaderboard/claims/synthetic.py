"""Parameters in the names of synthetic data sets, such as `teacher:dim=200`, as columns."""

import pandas as pd


def with_parameters(ledger: pd.DataFrame, **defaults: float | None) -> pd.DataFrame:
    """Add a column `data.<parameter>` for each parameter.

    Args:
        ledger: with the names of the data sets as `hp.dataset`.
        defaults: value of a parameter where a name does not have it; None if every name has it.
    """
    columns = {}
    for name, default in defaults.items():
        found = ledger["hp.dataset"].str.extract(rf"\b{name}=([^,]+)", expand=False).astype(float)
        columns[f"data.{name}"] = found if default is None else found.fillna(default)
    return ledger.assign(**columns)
