// The page: objectives and their burn-down, firing alerts, deliveries, and a query box. It asks again every 5 seconds
// while it is visible; when the server does not answer it says so and keeps what it has.

import { AlertPanel, DeliveryPanel } from './alert_panel';
import { h, replace } from './dom';
import { QueryPanel } from './query_panel';
import { SloPanel } from './slo_panel';
import './style.css';

const refreshMs = 5000;

const slos = new SloPanel();
const alerts = new AlertPanel();
const deliveries = new DeliveryPanel();
const query = new QueryPanel();
const status = h('span', { class: 'status', role: 'status' });

const app = document.getElementById('app');
if (!app) throw new Error('the page has no #app');
replace(app,
  h('header', {},
    h('h1', {}, h('span', { class: 'flame', 'aria-hidden': 'true' }), 'Slowburn'),
    status),
  h('main', {},
    h('div', { class: 'wide' }, slos.element, query.element),
    h('aside', {}, alerts.element, deliveries.element)));

async function refresh(): Promise<void> {
  if (document.hidden) return;
  const results = await Promise.allSettled([slos.refresh(), alerts.refresh(), deliveries.refresh()]);
  const failed = results.find((result) => result.status === 'rejected');
  status.className = failed ? 'status error' : 'status';
  replace(status, failed ? `not up to date: ${String((failed as PromiseRejectedResult).reason)}` : `live · ${new Date().toLocaleTimeString([], { hour12: false })}`);
  const firing = results[1];
  document.title = firing?.status === 'fulfilled' && firing.value > 0 ? `(${firing.value}) Slowburn` : 'Slowburn';
}

async function loop(): Promise<void> {
  await refresh();
  setTimeout(() => void loop(), refreshMs);
}

document.addEventListener('visibilitychange', () => void refresh());
window.addEventListener('hashchange', () => query.fromAddress());
void loop();
