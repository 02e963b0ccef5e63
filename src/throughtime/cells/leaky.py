"""The leaky-integrator network."""

from throughtime.equations import cell, tanh


@cell(gates="a", state="h", constants={"leak": 0.1})
def leaky(wx, uh, h, *, leak):
    """Leaky-integrator network (Jaeger et al. 2007; in neuroscience Song, Yang & Wang 2016).

    Euler's method for `tau dh/dt = -h + tanh(W x + U h)` with `leak = dt / tau`: the rate of each
    unit moves towards its drive with the time constant tau. Another leak:
    `leaky.replace(leak=0.5)`.
    """
    return (1 - leak) * h + leak * tanh(wx.a + uh.a)
