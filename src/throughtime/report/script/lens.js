// The credit lens: the inputs that the loss of a chosen step hears.

const lens = recorded('lens');

if (lens) {
  const figure = one('[data-chart="lens"]'), lines = one('svg.lines', figure);
  const spikes = one('.line.spikes', lines), slider = one('#lens-step'), letters = all('#credit span');
  const last = lens.shares.length - 1;
  const perCent = (share) => `${Number((share * 100).toPrecision(3))} %`;

  function change() {
    const step = Number(slider.value), shares = lens.shares[step];
    const { width, height } = lines.viewBox.baseVal;
    const room = last ? last * lens.margin : lens.margin;
    spikes.setAttribute('d', shares.map((share, t) => {
      const x = ((t + room) / (last + 2 * room) * width).toFixed(1);
      return `M${x} ${height}L${x} ${(height * (1 - share / lens.top)).toFixed(1)}`;
    }).join(''));
    letters.forEach((letter, t) => letter.style.setProperty('--share', t < shares.length ? Math.sqrt(shares[t]) : 0));
    one('#lens-of').textContent = lens.outputs[step];
    const most = shares.indexOf(Math.max(...shares));
    one('#lens-said').textContent = shares.length
      ? `The loss of ${lens.outputs[step]} hears the input of ${lens.inputs[most]} most` +
        (step > most ? `, ${steps(step - most)} before` : ', that of its own step') + `: ${perCent(shares[most])} of the whole.`
      : `The loss of ${lens.outputs[step]} hears no input.`;
    slider.setAttribute('aria-valuetext', lens.outputs[step]);
  }

  slider.addEventListener('input', change);
  change();
}
