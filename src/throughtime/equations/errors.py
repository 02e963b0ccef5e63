"""What is raised when the equations of a cell cannot be used."""


class CellError(ValueError):
    """A cell's equations are at fault; the message names the function, the argument, the mend."""
