// The triangles: the figures of a cell under the mouse or the cursor keys, and the window's edge.

const truncation = recorded('truncation');

function place(value, axis) {
  if (axis.length === 1) return value - axis[0];
  let right = axis.findIndex((step) => step >= value);
  if (right < 0) right = axis.length - 1;
  right = Math.max(right, 1);
  return right - 1 + (value - axis[right - 1]) / (axis[right] - axis[right - 1]);
}

const triangles = all('[data-chart^="triangle-"]').map((figure) => {
  const data = recorded(figure.dataset.chart);
  const plot = one('.plot', figure), picture = one('svg[role=img]', figure), lines = one('svg.lines', figure);
  const readout = one('.readout', figure.parentElement);
  const [width, height] = [lines.viewBox.baseVal.width, lines.viewBox.baseVal.height];
  const [across, up] = [data.steps.length, data.losses.length];
  // Light on dark, so that it is seen on every colour of the palette.
  const edges = ['line edge casing', 'line edge'].map((look) => drawn('path', { class: look }, lines));
  const cursor = drawn('rect', { class: 'cursor', width: width / across, height: height / up, visibility: 'hidden' }, lines);
  let row = up - 1, column = data.median[row].length - 1;

  function show() {
    const [s, t] = [data.losses[row], data.steps[column]];
    cursor.setAttribute('x', column * width / across);
    cursor.setAttribute('y', height - (row + 1) * height / up);
    cursor.setAttribute('visibility', 'visible');
    if (column >= data.median[row].length) {
      readout.textContent = `${data.at} ${s}, state step ${t}: ${data.later}.`;
      return;
    }
    const [median, lower, upper] = ['median', 'lower', 'upper'].map((name) => short((data[name] ?? data.median)[row][column]));
    readout.textContent = `${data.at} ${s}, state step ${t}, lag ${s - t}: ` +
      (data.lower || data.upper ? `median ${median}; 10 % to 90 %: ${lower} to ${upper}.` : `${median}.`);
  }

  const kept = (value, count) => Math.min(Math.max(value, 0), count - 1);
  const point = (event) => {
    const box = picture.getBoundingClientRect();
    column = kept(Math.floor((event.clientX - box.left) / box.width * across), across);
    row = kept(Math.floor((box.bottom - event.clientY) / box.height * up), up);
    show();
  };
  // A finger that taps does not move.
  for (const kind of ['pointermove', 'pointerdown']) picture.addEventListener(kind, point);
  plot.tabIndex = 0;
  plot.setAttribute('role', 'group');
  plot.setAttribute('aria-label', 'The cells of the triangle; the arrow keys go from one to the next');
  plot.addEventListener('focus', show);
  plot.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] }[event.key];
    if (!by) return;
    row = kept(row + by[0], up);
    column = kept(column + by[1], data.median[row].length);
    show();
    event.preventDefault();
  });

  // Left of the edge lies what a window of k2 steps does not reach: s - t >= k2.
  return (k2) => {
    const bounded = (x) => Math.min(Math.max(x, 0), 1) * width;
    const corners = data.losses.map((s, i) => {
      const x = bounded((place(s - k2 + 0.5, data.steps) + 0.5) / across);
      return `${x} ${height - i * height / up}L${x} ${height - (i + 1) * height / up}`;
    });
    for (const edge of edges) edge.setAttribute('d', `M${corners.join('L')}`);
  };
});

if (truncation) {
  const slider = one('#window'), said = one('#window-said');
  slider.max = truncation.k2.length - 1;
  const change = () => {
    const [k2, share, cosine] = ['k2', 'share', 'cosine'].map((name) => truncation[name][slider.value]);
    said.textContent = `Truncation at ${k2} discards ${share ?? 'an unknown share'} of ${truncation.of}` +
      (cosine === null ? '.' : ` (cosine ${cosine}).`);
    slider.setAttribute('aria-valuetext', said.textContent);
    for (const cut of triangles) cut(k2);
  };
  slider.value = Math.max(0, truncation.k2.findIndex((k2) => k2 >= Math.min(20, truncation.k2.at(-1))));
  slider.addEventListener('input', change);
  change();
}
