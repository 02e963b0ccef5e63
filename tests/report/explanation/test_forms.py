"""The forms of an explanation. All of it takes 3 seconds."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.report.test_page import HOSTILE, Elements
from throughtime.cli.explaining.example import drawn
from throughtime.cli.explaining.work_out import work_out
from throughtime.report.explanation import Document, explanation
from throughtime.report.explanation.document import (
    Formulas,
    Section,
    Table,
    Text,
    formulas,
    literal,
)
from throughtime.report.explanation.latex import latex
from throughtime.report.explanation.markdown import markdown
from throughtime.report.explanation.page import page
from throughtime.report.explanation.terminal import print_explanation


@pytest.fixture(scope="module", params=["elman", "lstm", "slstm"])
def document(request: pytest.FixtureRequest) -> Document:
    return explanation(work_out(drawn(request.param, 1, 3, 0, "sigmoid"), 0.1))


def in_terminal(document: Document, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_explanation(document, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_of_80_columns(document: Document) -> None:
    text = in_terminal(document, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "\\" not in text
    for section in document.sections:
        assert section.title.replace("$", "")[:20] in text


def test_no_number_is_lost_on_the_way_to_the_terminal(document: Document) -> None:
    text = in_terminal(document, 80)
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Formulas):
                for row in block.rows:
                    for number in re.findall(r"\d\.\d{4,}", " ".join(row.parts)):
                        assert number in text


def test_the_page_is_whole_and_asks_for_nothing(document: Document) -> None:
    text = page(document)
    assert text == page(document)
    elements = Elements(text)
    assert not elements.stray
    references = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}
    ]
    assert references == ["data:,"]
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base"}
    assert "default-src 'none'" in text
    assert len(text) < 400_000
    assert sum(tag == "section" for tag, _ in elements.found) == len(document.sections)


def hostile() -> Document:
    name = literal(HOSTILE + "$x_\\unknown$ % & # _ ~ ^ \x1b[31m \u202e `code` **bold** | bar")
    table = Table(name, ("$t$", name), (("$1$", name), (name,)))
    section = Section(name, (Text(name), table, formulas(("x", "1"))))
    return Document(name, (name,), (section,))


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    document = hostile()
    text = page(document)
    assert not {"script", "img"} & {tag for tag, _ in Elements(text).found}
    assert "\x1b" not in in_terminal(document, 80)
    source = markdown(document)
    assert "<script" not in source.replace("\\<", "")
    assert not re.search(r"(?<!\\)[`*]", source.split("```math")[0])
    assert "\\textbackslash{}unknown" in latex(document)


def test_markdown_has_mathematics_in_its_place(document: Document) -> None:
    source = markdown(document)
    assert source.count("```") % 2 == 0
    assert source.count("```math\n\\begin{aligned}") == sum(
        isinstance(block, Formulas) for section in document.sections for block in section.blocks
    )
    tables = [line for line in source.splitlines() if line.startswith("|")]
    assert tables
    for line in tables:
        assert len(re.findall(r"(?<!\\)\|", line)) > 3


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex to compile with")
def test_latex_compiles(document: Document, tmp_path: Path) -> None:
    for place, one in enumerate((document, replace(hostile(), title="Names"))):
        text = latex(one).replace("\N{FULLWIDTH DOLLAR SIGN}", "S").replace("\ufffd", "?")
        (tmp_path / f"{place}.tex").write_text(text, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{place}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
