"""The continuous-time recurrent network with a learnable time constant a unit."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="a", state="h v", units="slowness")
def continuous_time(wx, uh, h, v, *, slowness):
    """Continuous-time network (Funahashi & Nakamura 1993): tau dv/dt = -v + W x + U tanh(v).

    Euler's method with the step dt, the time constant tau of each unit being learnt:

        dt / tau = sigmoid(-slowness)
        v = v + (dt / tau) * (-v + W x + U h)
        h = tanh(v)

    The potential v integrates, the rate h is heard by the others. Funahashi & Nakamura write
    `-v / tau + W x + U h`; here tau is taken out of the weights, so that it sets the pace alone.

    Since `tau / dt = 1 + exp(slowness)`, tau is positive and longer than dt for any slowness: each
    step is an average of the old potential and its drive, and Euler's method never overshoots.
    About 0, where layers start, tau is 2 dt; for a time constant of k steps set log(k - 1).
    """
    v = v + sigmoid(-slowness) * (wx.a + uh.a - v)
    return tanh(v), v
