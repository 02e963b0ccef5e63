"""The light gated recurrent unit."""

from throughtime.equations import cell, relu, sigmoid


@cell(gates="z n", state="h")
def light_gru(wx, uh, h):
    """Light gated recurrent unit (Ravanelli et al. 2018): h = z h + (1 - z) max(0, W x + U h).

        z = sigmoid(W_z x + U_z h)
        n = max(0, W_n x + U_n h)
        h = z * h + (1 - z) * n

    A GRU without reset gate and with rectified candidates. Ravanelli et al. normalise `W_z x` and
    `W_n x` over the batch, which keeps the unbounded state in check; that is no part of the cell.
    """
    z = sigmoid(wx.z + uh.z)
    n = relu(wx.n + uh.n)
    return n + z * (h - n)
