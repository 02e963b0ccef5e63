// The credit lens: the inputs that a chosen loss hears.

const lens = recorded('lens');

if (lens) {
  const figure = one('[data-chart="lens"]'), lines = one('svg.lines', figure);
  const spikes = one('.line.spikes', lines), level = one('.line.level', lines);
  const chooser = one('#lens-step'), letters = all('#credit span');

  function change() {
    const chosen = Number(chooser.value), shares = lens.shares[chosen], [first, apart] = lens.places[chosen] ?? lens.places[0];
    const { width, height } = lines.viewBox.baseVal;
    const across = (t) => ((first + t * apart - lens.from) / (lens.to - lens.from) * width).toFixed(1);
    const down = (share) => (height * (1 - share)).toFixed(1);
    spikes.setAttribute('d', shares.map((share, t) => `M${across(t)} ${height}L${across(t)} ${down(share / lens.top)}`).join(''));
    if (level) {
      const known = lens.levels[chosen].map((value, t) => value === null ? null : `${across(t)} ${down(value)}`);
      level.setAttribute('d', known.map((point, t) => point === null ? '' : (t && known[t - 1] !== null ? 'L' : 'M') + point).join(''));
    }
    letters.forEach((letter, t) => letter.style.setProperty('--share', t < shares.length ? Math.sqrt(shares[t]) : 0));
    const named = one('#lens-of');
    if (named) named.textContent = lens.outputs[chosen];
    one('#lens-said').textContent = `The loss of ${lens.outputs[chosen]}${lens.said[chosen]}`;
    if (named) chooser.setAttribute('aria-valuetext', lens.outputs[chosen]);
  }

  chooser.addEventListener('input', change);
  change();
}
