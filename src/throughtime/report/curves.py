"""The page's charts of training: loss and gradient norm."""

from collections.abc import Sequence

from throughtime.report.chart import Chart, Line, Marks, Rule, draw
from throughtime.report.history import History
from throughtime.report.numerals import grouped, short
from throughtime.report.scale import Scale, linear, logarithmic
from throughtime.report.thinning import COLUMNS
from throughtime.report.wording import capital

_RESUMES = 8


def loss_chart(
    history: History, best_epoch: float | None, failed: bool = False, columns: int = COLUMNS
) -> Chart:
    """Draw the loss and the validation loss by update, with the best epoch marked.

    Args:
        history: What training recorded, one row or more.
        best_epoch: The epoch whose weights were kept, if one was.
        failed: Whether the loss or gradient of the update after the last was no finite number.
        columns: Into how many columns long lines are thinned.
    """
    training = list(zip(history.update, history.loss, strict=True))
    validated = [
        (update, loss)
        for update, loss in zip(history.update, history.validation_loss, strict=True)
        if loss is not None
    ]
    y = _loss_scale([loss for _, loss in [*training, *validated]])
    best = _row_of_epoch(history, best_epoch)
    rules, highlights = _events(history, failed), []
    if best is not None and best_epoch is not None:
        update, loss = history.update[best], history.validation_loss[best]
        rules.append(Rule(f"best epoch, {short(best_epoch)}", x=update))
        highlights = [(update, loss, "validation")] if loss is not None else []
    lines = [Line("training", "loss", training)]
    if validated:
        lines.append(Line("validation", "validation", validated))
    return draw(
        "loss",
        title="Loss by update",
        description=_course("loss", history.loss)
        + (" " + _course("validation loss", [loss for _, loss in validated]) if validated else ""),
        x=_update_scale(history),
        y=y,
        x_label="update",
        y_label="Loss, logarithmic" if y.log else "Loss",
        lines=lines,
        rules=rules,
        highlights=highlights,
        columns=columns,
    )


def norm_chart(
    history: History, clip: float | None, failed: bool = False, columns: int = COLUMNS
) -> Chart:
    """Draw the norm of the gradient before clipping, with the threshold.

    Args:
        history: What training recorded, one row or more.
        clip: The norm gradients were clipped to, if they were.
        failed: As for `loss_chart`.
        columns: Into how many columns long lines are thinned.
    """
    y = _loss_scale([*history.gradient_norm, clip])
    norms = list(zip(history.update, history.gradient_norm, strict=True))
    return draw(
        "norm",
        title="Gradient norm before clipping",
        description=_course("gradient norm", history.gradient_norm) + " " + clipping(history),
        x=_update_scale(history),
        y=y,
        x_label="update",
        y_label="Gradient norm before clipping" + (", logarithmic" if y.log else ""),
        lines=[Line("norm before clipping", "norm", norms)],
        rules=_events(history, failed)
        + ([Rule(f"clipped to {short(clip)}", y=clip)] if clip else []),
        marks=[
            Marks(
                "clipped",
                "clipped",
                [at for at, flag in zip(history.update, history.clipped, strict=True) if flag],
            ),
            Marks("not a finite number", "overflowed", history.overflowed),
        ],
        height=200,
        columns=columns,
    )


def clipping(history: History) -> str:
    """Return in how many updates the gradient was clipped, and was not finite."""
    clipped = sum(1 for flag in history.clipped if flag)
    said = f"{grouped(clipped)} of {grouped(len(history))} updates were clipped."
    if history.overflowed:
        said += f" In {grouped(len(history.overflowed))} the norm was not a finite number."
    if history.resumed:
        listed = ", ".join(grouped(int(update)) for update in history.resumed[:_RESUMES])
        said += f" Training was taken up again at update {listed}."
    return said


def _events(history: History, failed: bool) -> list[Rule]:
    rules = [Rule("resumed", x=update) for update in history.resumed[:_RESUMES]]
    return [*rules, Rule("failed: not finite", x=history.update[-1])] if failed else rules


def _update_scale(history: History) -> Scale:
    return linear(history.update, margin=0.0 if len(history) > 1 else 0.5)


def _loss_scale(values: Sequence[float | None]) -> Scale:
    # A negative log-likelihood may pass zero; only what is positive throughout is logarithmic.
    known = [value for value in values if value is not None]
    return logarithmic(known) if all(value > 0 for value in known) else linear(known)


def kept_update(history: History, best_epoch: float | None) -> float:
    """Return the update whose weights were kept: the best epoch's last, or the last of all."""
    row = _row_of_epoch(history, best_epoch)
    return history.update[-1 if row is None else row]


def _row_of_epoch(history: History, epoch: float | None) -> int | None:
    rows = [row for row, found in enumerate(history.epoch) if found is not None and found == epoch]
    return rows[-1] if rows else None


def _course(name: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"No {name} was recorded."
    return (
        f"{capital(name)}: first {short(known[0])}, last {short(known[-1])}, "
        f"least {short(min(known))}, greatest {short(max(known))}."
    )
