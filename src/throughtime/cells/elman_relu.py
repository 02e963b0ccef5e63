"""The simple recurrent network with rectified units."""

from throughtime.equations import cell, relu


@cell(gates="a", state="h")
def elman_relu(wx, uh, h):
    """Rectified simple recurrent network (Le, Jaitly & Hinton 2015): h = max(0, W x + U h).

    With `throughtime.nn.init.identity_` it is their IRNN.
    """
    return relu(wx.a + uh.a)
