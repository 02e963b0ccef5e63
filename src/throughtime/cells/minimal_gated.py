"""The minimal gated unit."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="f n", state="h")
def minimal_gated(wx, uh, h):
    """Minimal gated unit (Zhou et al. 2016): h = (1 - f) h + f n, one gate for all.

        f = sigmoid(W_f x + U_f h)
        n = tanh(W_n x + f * (U_n h))
        h = (1 - f) * h + f * n

    A GRU whose reset and update gate are one. Despite its name the forget gate f renews: the state
    is kept where f is small. Zhou et al. write `U_n (f * h)` in the candidate; as in `gru`, and for
    the reason given there, f multiplies after the product.
    """
    f = sigmoid(wx.f + uh.f)
    n = tanh(wx.n + f * uh.n)
    return h + f * (n - h)
