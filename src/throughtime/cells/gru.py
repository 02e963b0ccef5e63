"""The gated recurrent unit."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="r z n", state="h")
def gru(wx, uh, h):
    """Gated recurrent unit (Cho et al. 2014): h = (1 - z) n + z h, reset after the product.

        r = sigmoid(W_r x + U_r h)
        z = sigmoid(W_z x + U_z h)
        n = tanh(W_n x + r * (U_n h))
        h = (1 - z) * n + z * h

    The reset gate r chooses what of the past enters the candidate n; the update gate z chooses
    between the candidate and the old state. The cell of `torch.nn.GRU`.

    The other form, `n = tanh(W_n x + U_n (r * h))` with the reset before the product, is no cell
    of this library: U multiplies the state itself, once a step, and r needs that product before
    r * h exists, so that a second product would have to follow within the step. After the product,
    r weighs what each unit hears instead of what each unit says.
    """
    r = sigmoid(wx.r + uh.r)
    z = sigmoid(wx.z + uh.z)
    n = tanh(wx.n + r * uh.n)
    return n + z * (h - n)
