"""A test of a block alone runs twice: with its plain registers served natively, as in a machine, and in Python."""

import pytest

from bk7238.engine import slice as slices


def pytest_generate_tests(metafunc):
    if hasattr(metafunc.module, "BlockBench"):
        metafunc.fixturenames.append("served")
        metafunc.parametrize("served", ["native", pytest.param("python", marks=pytest.mark.full)], indirect=True)


@pytest.fixture
def served(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(slices, "functions", slices.InPython)
