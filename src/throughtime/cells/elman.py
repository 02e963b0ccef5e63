"""The simple recurrent network."""

from throughtime.equations import cell, tanh


@cell(gates="a", state="h")
def elman(wx, uh, h):
    """Simple recurrent network (Elman 1990): h = tanh(W x + U h), the cell of `torch.nn.RNN`."""
    return tanh(wx.a + uh.a)
