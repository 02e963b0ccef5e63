"""Long short-term memory whose candidate is not squashed."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g o", state="h c")
def lstm_no_input_activation(wx, uh, h, c):
    """LSTM without input activation function (Greff et al. 2017): `lstm` with a linear g, NIAF.

    i = sigmoid(W_i x + U_i h)
    f = sigmoid(W_f x + U_f h)
    g = W_g x + U_g h
    o = sigmoid(W_o x + U_o h)
    c = f * c + i * g
    h = o * tanh(c)
    """
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = wx.g + uh.g
    o = sigmoid(wx.o + uh.o)
    c = f * c + i * g
    return o * tanh(c), c
