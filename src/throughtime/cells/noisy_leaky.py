"""The leaky-integrator network with private noise."""

from throughtime.equations import cell, relu, sqrt


@cell(gates="a xi", state="h v", constants={"leak": 0.2, "sigma": 0.15})
def noisy_leaky(wx, uh, h, v, *, leak, sigma):
    """Noisy leaky network (Song, Yang & Wang 2016): tau dv = (W x + U h - v) dt + noise.

    Euler's method with `leak = dt / tau`:

        v = (1 - leak) * v + leak * (W_a x + U h) + sqrt(2 leak) sigma (W_xi x)
        h = max(0, v)

    The current v integrates, the rate h is heard by the others; sigma is the standard deviation
    that the noise alone gives v as dt goes to 0. Equations draw no random numbers: the noise comes
    in with x, in columns of its own, drawn from N(0, 1) anew at every step (one column a unit for
    private noise). `W_xi x` is to pick these columns and nothing else, and `W_a x` the others: with
    H columns of noise after I inputs, start W_xi at [0 | identity] and W_a at [. | 0], the bias of
    xi at zero, and keep these entries from learning. With `W_xi = 0` the network is noiseless.
    """
    v = (1 - leak) * v + leak * (wx.a + uh.a) + sqrt(2 * leak) * sigma * wx.xi
    return relu(v), v
