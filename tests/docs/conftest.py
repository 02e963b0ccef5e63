from tests.cli.conftest import tide_csv

__all__ = ["tide_csv"]
