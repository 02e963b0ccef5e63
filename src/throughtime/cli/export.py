"""`throughtime export`: a trained network as a file that other programs run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.output import refuse_to_harm, written

if TYPE_CHECKING:
    from throughtime.cli.exported_run import ExportedRun


@reports_errors
def export(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    streaming: Annotated[
        bool, typer.Option("--streaming", help="ONNX: one step a call, not a whole sequence.")
    ] = False,
    lengths: Annotated[
        bool, typer.Option("--lengths", help="ONNX: with an input for the valid steps of each row.")
    ] = False,
    c: Annotated[
        bool, typer.Option("--c", help="A C99 header with the weights, one step a call.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="C: what names in the header begin with; what was learned if left out."),
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Which series, if the network has learned several.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; NAME.onnx, or NAME.h, if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Write a trained network as an ONNX graph or as C, its scaling included.

    Of series, texts and recordings: vocabulary and classes are in the file. What is computed of
    recordings is not, but the file says what it has to be. A file that is there is written over.

    Example: throughtime export runs/sunspots-20260101-120000 --streaming
    """
    if c and (streaming or lengths):
        raise UsageError(
            "--c runs one step a call already; leave out "
            + ("--streaming" if streaming else "--lengths")
        )
    if name is not None and not c:
        raise UsageError("--name is for the functions of a C header; give --c too, or --out alone")
    from throughtime.cli.exported_run import read_run
    from throughtime.export import ExportError, made_identifier

    exported = read_run(run, series)
    stem = made_identifier(exported.name)  # the file is not trusted to name a path
    default = f"{stem}.h" if c else f"{stem}{'-streaming' * streaming}.onnx"
    place = out if out is not None else Path(default)
    refuse_to_harm(place, run)
    try:
        if c:
            content, done = _header(exported, stem if name is None else name)
        else:
            content, done = _graph(exported, streaming, lengths)
    except (ExportError, ImportError) as error:
        raise UsageError(str(error)) from error
    with written(place) as file:
        file.write(content)
    if as_json:
        print(json.dumps({"file": str(place), "bytes": len(content), "of": exported.kind, **done}))
        return
    print(f"{place}: {exported.kind}, {exported.cell} of {exported.hidden} units")
    for line in done.get("functions", []):
        print(f"  {line}")
    for direction in ("inputs", "outputs"):
        for value, shape in done.get(direction, {}).items():
            print(f"  {direction[:-1]:6} {value:12} [{', '.join(map(str, shape))}]")


def _graph(exported: ExportedRun, streaming: bool, lengths: bool) -> tuple[bytes, dict[str, Any]]:
    from throughtime.export import OPSET, to_onnx

    model = to_onnx(exported.model, streaming=streaming, lengths=lengths, notes=exported.notes)
    shapes = {"inputs": _shapes(model.graph.input), "outputs": _shapes(model.graph.output)}
    return model.SerializeToString(), {"form": "onnx", "opset": OPSET, **shapes}


def _shapes(values: Any) -> dict[str, list[int | str]]:
    return {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in values
    }


def _header(exported: ExportedRun, name: str) -> tuple[bytes, dict[str, Any]]:
    from throughtime.estimators import LanguageModel
    from throughtime.export import to_c

    text = to_c(exported.model, name, notes=exported.notes)
    given = "symbol" if isinstance(exported.model, LanguageModel) else "input"
    functions = [f"{name}_start(state)", f"{name}_step(state, {given}, output)"]
    if f"int {name}_number(" in text:
        functions.append(f"{name}_number(code)")
    return text.encode(), {"form": "c", "name": name, "functions": functions}
