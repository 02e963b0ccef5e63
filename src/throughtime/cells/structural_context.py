"""The structurally constrained recurrent network."""

from throughtime.equations import cell, sigmoid


@cell(gates="s a", state="h s", units="p", constants={"alpha": 0.95})
def structural_context(wx, uh, h, s, *, p, alpha):
    """Structurally constrained network (Mikolov et al. 2014): hidden h beside slow context s.

        s = (1 - alpha) * (W_s x) + alpha * s
        h = sigmoid(p * s + W_a x + U_a h)

    The context s is a running mean of the projected input over about 1 / (1 - alpha) steps; it
    changes slowly because nothing else enters it. Three things differ from Mikolov et al.: there
    are as many context as hidden units, each hidden unit hears one of them by its own weight p
    instead of all by a matrix P, and the readout sees h alone. Another pace:
    `structural_context.replace(alpha=0.99)`.
    """
    s = (1 - alpha) * wx.s + alpha * s
    return sigmoid(p * s + wx.a + uh.a), s
