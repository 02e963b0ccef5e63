"""Long short-term memory whose gates see the cell state."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g o", state="h c", units="p_i p_f p_o")
def lstm_peephole(wx, uh, h, c, *, p_i, p_f, p_o):
    """LSTM with peepholes (Gers, Schraudolph & Schmidhuber 2002): `lstm` whose gates see c.

        i = sigmoid(W_i x + U_i h + p_i * c)
        f = sigmoid(W_f x + U_f h + p_f * c)
        g = tanh(W_g x + U_g h)
        c = f * c + i * g
        o = sigmoid(W_o x + U_o h + p_o * c)
        h = o * tanh(c)

    Input and forget gate see the old cell state, the output gate the new one, each unit its own;
    Greff et al. (2017) call it the vanilla LSTM.
    """
    i = sigmoid(wx.i + uh.i + p_i * c)
    f = sigmoid(wx.f + uh.f + p_f * c)
    g = tanh(wx.g + uh.g)
    c = f * c + i * g
    o = sigmoid(wx.o + uh.o + p_o * c)
    return o * tanh(c), c
