"""The leaky-integrator network."""

from throughtime.equations import cell, tanh


@cell(gates="a", state="h", constants={"leak": 0.1})
def leaky(wx, uh, h, *, leak):
    """Leaky-integrator network (Jaeger et al. 2007): h = (1 - leak) h + leak tanh(W x + U h).

    Euler's method for `tau dh/dt = -h + tanh(W x + U h)` with `leak = dt / tau`: the rate of each
    unit moves towards its drive with the time constant tau. Another leak:
    `leaky.replace(leak=0.5)`. `noisy_leaky` and `continuous_time` integrate the input current
    instead of the rate.
    """
    return (1 - leak) * h + leak * tanh(wx.a + uh.a)
