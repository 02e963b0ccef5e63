"""The gated recurrent unit."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="r z n", state="h")
def gru(wx, uh, h):
    """Gated recurrent unit (Cho et al. 2014), reset after the product, as in `torch.nn.GRU`.

    The reset gate r chooses what of the past enters the candidate n; the update gate z chooses
    between the candidate and the old state.
    """
    r = sigmoid(wx.r + uh.r)
    z = sigmoid(wx.z + uh.z)
    n = tanh(wx.n + r * uh.n)
    return n + z * (h - n)
