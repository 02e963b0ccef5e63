"""The independently recurrent network."""

from throughtime.equations import cell, relu


@cell(gates="a", state="h", units="u")
def independent(wx, uh, h, *, u):
    """Independently recurrent network (Li et al. 2018): h = max(0, W x + u * h), their IndRNN.

    Each unit hears only itself, by its own weight u; there is no U. Units are mixed by the layer
    above. Over t steps an active unit's gradient is u to the power t: |u| at most the t-th root of
    a bound keeps it within that bound.
    """
    return relu(wx.a + u * h)
