"""Long short-term memory."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g o", state="h c")
def lstm(wx, uh, h, c):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    The input gate i writes the candidate g into the cell state c, the forget gate f keeps it, the
    output gate o shows it; `torch.nn.LSTM`'s cell.
    """
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * c + i * g
    return o * tanh(c), c
