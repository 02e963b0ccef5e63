// What every panel uses: its recorded figures, and numbers set as the page sets them.

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function recorded(name) {
  const found = document.getElementById(`${name}-data`);
  return found ? JSON.parse(found.textContent) : null;
}

// An SVG element; attributes are set one by one, so that no text is ever read as markup.
function drawn(tag, attributes, parent) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function power(value) {
  const [mantissa, exponent] = value.toExponential(1).split('e');
  const raised = '10' + [...String(Number(exponent))].map((c) => c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]).join('');
  const times = mantissa.replace(/\.0$/, '');
  return (times === '1' ? raised : `${times}×${raised}`).replace('-', '−');
}

// Three significant figures.
function short(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (value !== 0 && !(size >= 1e-4 && size < 1e6)) return power(value);
  if (Number.isInteger(value)) {
    return String(value).replace(size < 10000 ? /$^/ : /\B(?=(\d{3})+$)/g, '\u202f').replace('-', '−');
  }
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(size)))).replace('-', '−');
}

const steps = (count) => `${short(count)} ${count === 1 ? 'step' : 'steps'}`;

// What is of no use without a script is hidden until there is one.
document.documentElement.classList.add('scripted');
for (const control of all('[data-scripted]')) control.hidden = false;
