// What fires now, and what was delivered to whom.

import * as api from './api';
import { h, replace } from './dom';
import { ago, clockTime } from './format';

export class AlertPanel {
  private readonly list = h('ul', { class: 'alerts', id: 'alert-list' });
  private readonly heading = h('h2', {}, 'Firing alerts');
  readonly element = h('section', { class: 'card' }, this.heading, this.list);

  // Returns how many alerts fire and are not muted.
  async refresh(): Promise<number> {
    const alerts = await api.alerts();
    const active = alerts.filter((alert) => alert.status.state !== 'suppressed').length;
    alerts.sort((a, b) => severityRank(a) - severityRank(b) || a.startsAt.localeCompare(b.startsAt));
    replace(this.heading, 'Firing alerts ', h('span', { class: active > 0 ? 'badge hot' : 'badge' }, active));
    replace(this.list, ...(alerts.length > 0 ? alerts.map(item) : [h('li', { class: 'empty' }, 'Nothing fires.')]));
    return active;
  }
}

function severityRank(alert: api.Alert): number {
  const order = ['P0', 'critical', 'page', 'P1', 'P2', 'ticket', 'warning', 'P3', 'info'];
  const at = order.indexOf(alert.labels['severity'] ?? '');
  return at < 0 ? order.length : at;
}

function item(alert: api.Alert): HTMLElement {
  const { alertname = '?', severity = '', ...labels } = alert.labels;
  const muted = alert.status.state === 'suppressed';
  const text = alert.annotations['summary'] ?? alert.annotations['description'] ?? '';
  return h('li', { class: muted ? 'muted' : '' },
    h('div', { class: 'bar' },
      h('span', {}, severity !== '' && h('b', { class: `severity ${severity}` }, severity), h('strong', {}, alertname)),
      h('time', { title: alert.startsAt }, ago(Date.parse(alert.startsAt) / 1000))),
    text !== '' && h('p', {}, text),
    h('p', { class: 'labels' }, ...Object.entries(labels).map(([name, value]) => h('code', {}, `${name}=${value}`)),
      muted && h('em', {}, alert.status.silencedBy.length > 0 ? 'silenced' : 'inhibited')));
}

export class DeliveryPanel {
  private readonly rows = h('tbody');
  readonly element = h('section', { class: 'card' },
    h('h2', {}, 'Deliveries'),
    h('table', { id: 'delivery-list' },
      h('thead', {}, h('tr', {}, ...['Time', 'Receiver', 'Alerts', 'Outcome'].map((text) => h('th', {}, text)))), this.rows));

  async refresh(): Promise<void> {
    const deliveries = await api.deliveries(12);
    replace(this.rows, ...(deliveries.length > 0 ? deliveries.map(row)
      : [h('tr', {}, h('td', { colspan: 4, class: 'empty' }, 'Nothing was sent yet.'))]));
  }
}

function row(delivery: api.Delivery): HTMLElement {
  const ok = delivery.outcome === 'delivered';
  const result = delivery.http_status > 0 ? `${delivery.outcome} · ${delivery.http_status}` : delivery.outcome;
  return h('tr', {},
    h('td', { class: 'num', title: ago(delivery.time) }, clockTime(delivery.time)),
    h('td', {}, delivery.receiver, h('span', { class: 'sub' }, delivery.integration)),
    h('td', {}, h('span', { class: `dot ${delivery.status}` }), `${delivery.status}: `, [...new Set(delivery.alert_names)].join(', ')),
    h('td', { title: delivery.error }, h('span', { class: `pill ${ok ? 'ok' : delivery.error !== '' ? 'exhausted' : 'no_data'}` }, result)));
}
