// The equations of a unit: the numbers of any step, put where those of the last one stand.

const equations = recorded('equations');

function showEquations(step) {
  if (!equations) return;
  const values = equations.values[step];
  for (const at of all('[data-value]')) {
    const text = values[at.dataset.value];
    at.textContent = text.startsWith('−') || text.includes('·') ? `(${text})` : text;
  }
  for (const at of all('[data-result]')) at.textContent = values[at.dataset.result];
  one('#equations-of').textContent = `${equations.title}, step ${step}`;
}
