"""The quasi-recurrent network: gates that hear the input only."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="z f o", state="h c")
def quasi_recurrent(wx, uh, h, c):
    """Quasi-recurrent network (Bradbury et al. 2017): c = f c + (1 - f) z, h = o c, no U.

        z = tanh(W_z x)
        f = sigmoid(W_f x)
        o = sigmoid(W_o x)
        c = f * c + (1 - f) * z
        h = o * c

    Their fo-pooling over a convolution of width 1; for a wider one lay the earlier inputs beside
    the present one, as further columns of x.
    """
    z = tanh(wx.z)
    f = sigmoid(wx.f)
    o = sigmoid(wx.o)
    c = z + f * (c - z)
    return o * c, c
