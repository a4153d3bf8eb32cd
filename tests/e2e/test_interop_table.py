"""The documentation says of phones what this run has seen, no less and no more."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import WRITES, Run
from tests.e2e.interop import COMMAND, DOCS, rewritten


def test_the_table_of_phones_is_what_was_seen(run: Run, pytestconfig: pytest.Config) -> None:
    if not run.is_whole:
        # Alone after it failed, it would see nothing, and that is no success.
        assert not pytestconfig.option.lf, "needs a whole run"
        pytest.skip("needs all tests of this folder")
    if run.missing:
        assert not WRITES, f"nothing is written without {run.missing}"
        pytest.skip(f"needs all phones; these were not seen: {sorted(run.missing)}")
    text = DOCS.read_text()
    seen = rewritten(text, [tried for tries in run.seen.values() for tried in tries])
    if WRITES:
        DOCS.write_text(seen)
    else:
        assert text == seen, COMMAND
