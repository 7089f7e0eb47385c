import pytest
import torch  # noqa: F401 - its import may take longer than an answer may


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    """Keep the tests' tries out of the record of whoever runs them."""
    path = tmp_path / "record" / "progress.json"
    monkeypatch.setenv("CONVERGE_PROGRESS", str(path))
    return path
