"""A report as files."""

from pathlib import Path

from noise_exp.report.build import Report
from noise_exp.report.page import render

PAGE = "report.html"


def write(report: Report, folder: Path, title: str, command: str) -> list[str]:
    """Write the page and the tables to `folder`, in place of an earlier report's; return names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(render(report, title, command), encoding="utf-8")
    for earlier in folder.glob("report_*.csv"):  # a report with fewer tables leaves none behind
        earlier.unlink()
    tables = report.tables()
    for name, table in tables.items():
        table.to_csv(folder / name, index=False)
    return [PAGE, *tables]
