"""A report as files."""

from pathlib import Path

from noise_exp.records import output
from noise_exp.report.build import Report
from noise_exp.report.page import render

PAGE = "report.html"


def write(
    report: Report, folder: Path, title: str, command: str, sweep: str | None = None
) -> list[str]:
    """Write the page and the tables to `folder`, in place of an earlier report's; return names.

    `title`, `command`, `sweep`: as of `render`.
    """
    texts = {PAGE: render(report, title, command, sweep)}
    texts |= {name: table.to_csv(index=False) for name, table in report.tables().items()}
    for name in output.REPORT:  # a report with fewer tables leaves none behind
        if name not in texts and output.is_ours(folder / name):
            (folder / name).unlink()
    return [output.write(folder, name, text.encode()) for name, text in texts.items()]
