"""The simple recurrent network with rectified units."""

from throughtime.equations import cell, relu


@cell(gates="a", state="h")
def elman_relu(wx, uh, h):
    """Simple recurrent network with rectified units: `h = max(0, W x + U h)`.

    With `throughtime.nn.init.identity_` it is the IRNN of Le, Jaitly & Hinton (2015).
    """
    return relu(wx.a + uh.a)
