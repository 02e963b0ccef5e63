"""Long short-term memory whose input and forget gate are one."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i g o", state="h c")
def lstm_coupled(wx, uh, h, c):
    """Coupled-gate LSTM (Greff et al. 2017): `lstm` with f = 1 - i, their CIFG.

        i = sigmoid(W_i x + U_i h)
        g = tanh(W_g x + U_g h)
        o = sigmoid(W_o x + U_o h)
        c = (1 - i) * c + i * g
        h = o * tanh(c)

    What is written takes the place of as much of what was kept, so that c stays between -1 and 1.
    """
    i = sigmoid(wx.i + uh.i)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = c + i * (g - c)
    return o * tanh(c), c
