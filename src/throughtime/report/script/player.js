// The player: forward step by step, then backward, while the gradient of each weight builds up.
// Frames 0 to T - 1 go forward, frames T to 2T - 1 backward from the last step to the first.

const walk = recorded('walk');

if (walk) {
  const T = walk.losses.length, building = recorded('player');
  const nodes = all('.node').map((g) => ({ g, kind: g.dataset.kind, fixed: g.dataset.step === '' ? null : Number(g.dataset.step) }));
  const folded = one('[data-folded]'), rest = folded?.textContent;
  const slider = one('#frame'), cut = one('#cut'), play = one('#play'), said = one('#player-said'), nodeSaid = one('#node-said');
  const fixedSteps = new Set(nodes.map(({ fixed }) => fixed));
  let frame = 2 * T - 1, middle = null, timer = null;

  const stepOf = (at) => at < T ? at : 2 * T - 1 - at;
  const window_ = () => cut ? Number(cut.value) : T;

  function drawNode({ g, kind, fixed }) {
    const step = fixed ?? middle, backward = frame >= T, now = stepOf(frame);
    const [value, gradient] = step === null ? ['…', ''] : walk.nodes[kind][step];
    const reached = backward || step === null || step <= now;
    const received = backward && step !== null && step >= now && T - 1 - step < window_();
    one('.value', g).textContent = reached ? value : '';
    one('.gradient', g).textContent = received ? gradient : '';
    g.classList.toggle('now', step === now && slider !== null);
    g.classList.toggle('ahead', !reached);
    g.classList.toggle('cut', backward && step !== null && T - 1 - step >= window_());
    one('title', g).textContent = step === null ? 'folded steps' : `${walk.names[kind]}, step ${step}`;
    g.setAttribute('aria-label', step === null ? `folded steps ${rest}` : `${walk.names[kind]}, step ${step}: ${value}` + (received && gradient ? `, gradient ${gradient}` : ''));
  }

  function draw() {
    const now = stepOf(frame), backward = frame >= T;
    if (!fixedSteps.has(now)) middle = now;
    if (folded) folded.textContent = middle === null ? rest : String(middle);
    nodes.forEach(drawNode);
    if (!slider) return;
    const terms = backward ? Math.min(T - now, window_()) : 0;
    all('.building .now .low').forEach((bar, row) => {
      const norms = building.norm[row], top = Math.max(...norms);
      bar.setAttribute('width', `${terms && top ? 100 * norms[terms - 1] / top : 0}%`);
    });
    all('.building .so-far').forEach((text, row) => { text.textContent = terms ? short(building.norm[row][terms - 1]) : '–'; });
    slider.value = frame;
    said.textContent = !backward ? `Forward, step ${now}: ${walk.labels[now]}.`
      : `Backward, step ${now}: ${terms} of ${T} terms` + (terms < T - now ? `, cut at a window of ${steps(window_())}.` : '.');
    slider.setAttribute('aria-valuetext', said.textContent);
    one('#cut-of').textContent = steps(window_());
    cut.setAttribute('aria-valuetext', steps(window_()));
  }

  const go = (to) => { frame = Math.min(Math.max(to, 0), 2 * T - 1); draw(); };
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = 'Play';
    play.setAttribute('aria-pressed', 'false');
  }
  function toggle() {
    if (timer !== null) { stop(); return; }
    if (frame === 2 * T - 1) go(0);
    play.textContent = 'Pause';
    play.setAttribute('aria-pressed', 'true');
    timer = setInterval(() => { if (frame === 2 * T - 1) stop(); else go(frame + 1); }, 150);
  }

  function tell(node) {
    const step = node.fixed ?? middle;
    for (const other of nodes) other.g.classList.toggle('chosen', other === node);
    if (step === null) { nodeSaid.textContent = `Steps ${rest} are folded; the player goes through them.`; return; }
    const [value, gradient] = walk.nodes[node.kind][step];
    const of = node.kind === 'x' ? walk.inputLabels[step] : walk.labels[step];
    nodeSaid.textContent = `Step ${step} (${of}): ${walk.names[node.kind]} = ${value}` +
      (gradient ? `, gradient ${gradient}` : '') +
      (node.kind === 'y' ? `, desired ${walk.targets[step]}, loss ${walk.losses[step]}.` : '.');
    showEquations(step);
    const details = one('#equations');
    if (details && node.kind !== 'x') details.open = true;
  }

  for (const node of nodes) {
    node.g.setAttribute('tabindex', '0');
    node.g.setAttribute('role', 'button');
    node.g.addEventListener('click', () => tell(node));
    node.g.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      tell(node);
      event.preventDefault();
    });
  }
  if (slider) {
    slider.max = 2 * T - 1;
    cut.max = T;
    cut.value = T;
    slider.addEventListener('input', () => { stop(); go(Number(slider.value)); });
    cut.addEventListener('input', draw);
    play.addEventListener('click', toggle);
    one('#rewind').addEventListener('click', () => { stop(); go(0); });
    one('#back').addEventListener('click', () => { stop(); go(frame - 1); });
    one('#on').addEventListener('click', () => { stop(); go(frame + 1); });
    one('#player').addEventListener('keydown', (event) => {
      if (event.key === ' ' && event.target.tagName !== 'BUTTON') {
        toggle();
        event.preventDefault();
      } else if ((event.key === 'ArrowLeft' || event.key === 'ArrowRight') && event.target.type !== 'range') {
        stop();
        go(frame + (event.key === 'ArrowRight' ? 1 : -1));
        event.preventDefault();
      }
    });
  }
  draw();
}
