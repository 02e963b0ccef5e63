// The gradient by lag at any update of the training that was recorded.

const overTraining = recorded('over-training');

if (overTraining) {
  const slider = one('#update'), said = one('#update-said');
  const { x, y, update, kept, layers, share } = overTraining;
  const across = (lag) => (lag - x[0]) / (x[1] - x[0]);
  const down = (norm) => 1 - (Math.log10(norm) - Math.log10(y[0])) / (Math.log10(y[1]) - Math.log10(y[0]));
  const charts = layers.map(({ lag, curves }, place) => {
    const figure = one(`[data-chart="lag-${place}"]`);
    return { lag, curves, lines: one('svg.lines', figure), median: one('svg.lines .line.median', figure), area: one('svg.lines .area', figure),
      rule: one('line.upright', figure), label: one('text.upright', figure) };
  });

  // The pen is lifted where there is no gradient left to draw.
  function traced(lags, curve, { width, height }) {
    let pen = 'M';
    return lags.map((lag, i) => {
      const norm = curve.median[i];
      if (!(norm > 0)) { pen = 'M'; return ''; }
      const corner = `${pen}${(across(lag) * width).toFixed(1)} ${(Math.min(down(norm), 4) * height).toFixed(1)}`;
      pen = 'L';
      return corner;
    }).join('');
  }

  function change() {
    const place = Number(slider.value);
    const reached = charts.map(({ lag, curves, lines, median, area, rule, label }) => {
      const curve = curves[place];
      if (!curve) return null;
      median?.setAttribute('d', traced(lag, curve, lines.viewBox.baseVal));
      // The quantiles are those of the trained network.
      area?.setAttribute('visibility', place === kept ? 'visible' : 'hidden');
      for (const mark of [rule, label]) mark?.setAttribute('visibility', curve.horizon === null ? 'hidden' : 'visible');
      if (curve.horizon !== null) {
        const at = `${across(curve.horizon) * 100}%`;
        rule?.setAttribute('x1', at);
        rule?.setAttribute('x2', at);
        label?.setAttribute('x', at);
        if (label) label.textContent = `${share} after ${steps(curve.horizon)}`;
      }
      return curve.horizon;
    });
    const words = reached.map((horizon) => horizon === null ? `does not fall to ${share} within the lags looked at` : `falls to ${share} after ${steps(horizon)}`);
    said.textContent = `At update ${short(update[place])} the gradient ` +
      (words.length === 1 ? words[0] : words.map((word, place) => `${word} (${layers[place].name})`).join(', ')) + '.';
    slider.setAttribute('aria-valuetext', said.textContent);
  }

  slider.max = update.length - 1;
  slider.value = kept ?? update.length - 1;
  slider.addEventListener('input', change);
  change();
}
