"""Long short-term memory."""

from throughtime.equations import cell, sigmoid, tanh


@cell(gates="i f g o", state="h c")
def lstm(wx, uh, h, c):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000): c = f c + i g.

        i = sigmoid(W_i x + U_i h)      f = sigmoid(W_f x + U_f h)
        g = tanh(W_g x + U_g h)         o = sigmoid(W_o x + U_o h)
        c = f * c + i * g
        h = o * tanh(c)

    The input gate i writes the candidate g into the cell state c, the forget gate f (Gers et al.)
    keeps it, the output gate o shows it; the cell of `torch.nn.LSTM`.

    Greff et al. (2017) took one part away at a time: `lstm_no_input_gate`, `lstm_no_forget_gate`,
    `lstm_no_output_gate`, `lstm_no_input_activation`, `lstm_no_output_activation`, and
    `lstm_coupled`, where i and f are one. Their starting point has peepholes (`lstm_peephole`);
    here none of these has. Their full gate recurrence is no cell of this library: it multiplies
    the gates of the last step by weights too, and U multiplies the first state only.
    """
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * c + i * g
    return o * tanh(c), c
