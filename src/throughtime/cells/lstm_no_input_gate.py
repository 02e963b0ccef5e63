"""Long short-term memory without its input gate."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="f g o", state="h c")
def lstm_no_input_gate(wx, uh, h, c):
    """LSTM without input gate (Greff et al. 2017): `lstm` with i = 1, their NIG.

    f = sigmoid(W_f x + U_f h)
    g = tanh(W_g x + U_g h)
    o = sigmoid(W_o x + U_o h)
    c = f * c + g
    h = o * tanh(c)
    """
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * c + g
    return o * tanh(c), c
