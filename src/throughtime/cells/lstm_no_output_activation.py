"""Long short-term memory whose cell state is shown unsquashed."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g o", state="h c")
def lstm_no_output_activation(wx, uh, h, c):
    """LSTM without output activation function (Greff et al. 2017): `lstm` with h = o c, NOAF.

        i = sigmoid(W_i x + U_i h)
        f = sigmoid(W_f x + U_f h)
        g = tanh(W_g x + U_g h)
        o = sigmoid(W_o x + U_o h)
        c = f * c + i * g
        h = o * c

    Without a bound on h the recurrent weights can make it grow without end, which is what Greff et
    al. found to hurt; keep them small.
    """
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * c + i * g
    return o * c, c
