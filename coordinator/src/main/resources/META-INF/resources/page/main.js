/** Shows the view that the address names, and whether the server is there. */
import { compareView } from './compare.js';
import { h, say } from './dom.js';
import { live } from './live.js';
import { MeshPicture } from './mesh.js';
import { runView } from './run.js';
import { runsView } from './runs.js';

const WORDS = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost, trying again' };
const main = document.getElementById('main');
const connection = document.getElementById('connection');
let view = null;

function meshView() {
  document.title = 'Mesh · abmesh';
  const picture = new MeshPicture();
  const show = () => picture.show(live.mesh);
  live.addEventListener('mesh', show);
  live.follow([]);
  return {
    element: h('div', {}, h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, 'Mesh')), picture.element),
    entered: show,
    leave() {
      live.removeEventListener('mesh', show);
      picture.destroy();
    },
  };
}

function wanted() {
  const [, page, rest = ''] = location.hash.match(/^#\/([a-z]*)\/?(.*)$/) ?? [];
  switch (page) {
    case 'run':
      return runView(decodeURIComponent(rest));
    case 'compare':
      return compareView(rest.split(',').filter(Boolean).map(decodeURIComponent));
    case 'mesh':
      return meshView();
    default:
      return runsView();
  }
}

function route(first) {
  view?.leave();
  view = wanted();
  main.replaceChildren(view.element);
  view.entered?.();
  for (const link of document.querySelectorAll('.bar nav a')) {
    if (link.hash === (location.hash || '#/')) {
      link.setAttribute('aria-current', 'page');
    } else {
      link.removeAttribute('aria-current');
    }
  }
  if (first !== true) {
    scrollTo(0, 0);
    main.querySelector('h1').focus({ preventScroll: true });
  }
}

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
live.addEventListener('state', () => {
  connection.dataset.state = live.state;
  say(connection, WORDS[live.state]);
});
addEventListener('hashchange', route);
route(true);
