"""Long short-term memory without its forget gate."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i g o", state="h c")
def lstm_no_forget_gate(wx, uh, h, c):
    """LSTM without forget gate (Greff et al. 2017): `lstm` with f = 1, their NFG.

        i = sigmoid(W_i x + U_i h)
        g = tanh(W_g x + U_g h)
        o = sigmoid(W_o x + U_o h)
        c = c + i * g
        h = o * tanh(c)

    The constant error carousel of Hochreiter & Schmidhuber (1997): c, and its gradient, is carried
    on whole for ever, so that nothing bounds it over a long sequence.
    """
    i = sigmoid(wx.i + uh.i)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = c + i * g
    return o * tanh(c), c
