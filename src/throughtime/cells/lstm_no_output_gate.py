"""Long short-term memory without its output gate."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g", state="h c")
def lstm_no_output_gate(wx, uh, h, c):
    """LSTM without output gate (Greff et al. 2017): `lstm` with o = 1, their NOG.

    i = sigmoid(W_i x + U_i h)
    f = sigmoid(W_f x + U_f h)
    g = tanh(W_g x + U_g h)
    c = f * c + i * g
    h = tanh(c)
    """
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    c = f * c + i * g
    return tanh(c), c
