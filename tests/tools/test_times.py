"""Times as people write them."""

from __future__ import annotations

import pandas as pd
import pytest

from bethink.tools.findings import TableError
from bethink.tools.times import read_times

DAY = 86_400.0


def test_times_as_numbers_and_dates():
    assert read_times(pd.Series(["3", "1,5", ""]), "t").values.tolist()[:2] == [3, 1.5]
    assert read_times(pd.Series(["20240101", "20240102"]), "date").dates
    assert not read_times(pd.Series(["20240101", "20240102"]), "week").dates
    parsed = read_times(pd.Series(["01.02.1970", "13.02.1970", ""]), "day")
    assert (parsed.values[:2] / DAY).tolist() == [31, 43]
    stamps = pd.Series(pd.to_datetime(["1970-01-02", None])).dt.tz_localize("UTC")
    assert read_times(stamps, "day").values.tolist()[0] == DAY
    for cells in (["monday", "1"], ["01/02/2024", "02/03/2024"]):
        with pytest.raises(TableError) as error:
            read_times(pd.Series(cells), "day")
        assert error.value.code == "no_time"
