/** Builds elements. Text is always text: nothing that comes from a user is ever read as markup. */

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an HTML element with attributes (`on...`: listeners, `data`: an object) and children. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Makes an SVG element likewise. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (name === 'data') {
      Object.assign(element.dataset, value);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text of an element if it is another, so that nothing is announced or drawn twice. */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Makes these the children of an element. Those that stay are not moved, so that the keyboard keeps its focus. */
export function arrange(element, children) {
  const wanted = new Set(children);
  [...element.children].filter((child) => !wanted.has(child)).forEach((child) => child.remove());
  children.forEach((child, i) => {
    if (element.children[i] !== child) {
      element.insertBefore(child, element.children[i] ?? null);
    }
  });
}

/** A table with a header row; cells are texts or elements. */
export function table(caption, heads, rows) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell, i) => h(i === 0 ? 'th' : 'td', i === 0 ? { scope: 'row' } : {}, cell))))),
    ),
  );
}
