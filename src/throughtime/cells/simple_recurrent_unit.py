"""The simple recurrent unit: gates that hear the input and their own unit only."""

from throughtime.equations import cell, sigmoid


@cell(gates="g f r p", state="h c", units="v_f v_r")
def simple_recurrent_unit(wx, uh, h, c, *, v_f, v_r):
    """Simple recurrent unit (Lei et al. 2018): c = f c + (1 - f) W x under a highway, no U.

        f = sigmoid(W_f x + v_f * c)
        r = sigmoid(W_r x + v_r * c)
        c = f * c + (1 - f) * (W_g x)
        h = r * c + (1 - r) * (W_p x)

    Both gates see the old c, each unit its own. Lei et al. lead x itself past the recurrence
    (`(1 - r) * x`); here its projection `W_p x` takes that way, as x need not have H columns. Where
    it has, `W_p = identity` is theirs. They give no bias to `W_g x` and `W_p x`.
    """
    f = sigmoid(wx.f + v_f * c)
    r = sigmoid(wx.r + v_r * c)
    c = wx.g + f * (c - wx.g)
    return wx.p + r * (c - wx.p), c
