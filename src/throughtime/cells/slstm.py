"""Long short-term memory with exponential gating."""

from throughtime.equations import cell, exp, maximum, sigmoid, softplus, tanh, where


@cell(gates="i f z o", state="h c n m", together="c n m")
def slstm(wx, uh, h, c, n, m):
    """Scalar LSTM of xLSTM (Beck et al. 2024): exponential input gate, normalised memory c / n.

        i = exp(a_i)            f = sigmoid(a_f)        a_g = W_g x + U_g h for each gate g
        z = tanh(a_z)           o = sigmoid(a_o)
        c = f * c + i * z
        n = f * n + i
        h = o * c / n

    The memory is a mean of all that was written, weighed by the gates; an input gate of exp lets a
    late write outweigh all earlier ones. As exp overflows, c and n are held multiplied by exp(-m),
    which cancels in h, with the largest of the weights' logarithms as m:

        m' = max(log f + m, a_i)
        f' = exp(log f + m - m')        i' = exp(a_i - m')

    Of the two forget gates of Beck et al. this is the sigmoid, which is also that of their code;
    U is one full matrix a gate, not a block for each head.

    While nothing is written yet (n = 0) there is no weight to hold against that of the new: m' is
    a_i then, whatever m is. From a start of zeros n is therefore never below 1, and nothing
    overflows or is divided by zero, however small i is.
    """
    new = wx.i + uh.i
    old = where(n == 0, new, m - softplus(-(wx.f + uh.f)))  # log sigmoid(a) = -softplus(-a)
    m = maximum(old, new)
    f = exp(old - m)
    i = exp(new - m)
    z = tanh(wx.z + uh.z)
    o = sigmoid(wx.o + uh.o)
    c = f * c + i * z
    n = f * n + i
    return o * (c / n), c, n, m
