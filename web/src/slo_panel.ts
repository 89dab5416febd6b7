// The list of objectives, worst first, and the burn-down of the one that is selected.

import * as api from './api';
import { Chart } from './chart';
import { css, h, replace } from './dom';
import { burn, count, duration, niceStep, percent } from './format';

const rank: Record<api.Slo['state'], number> = { exhausted: 0, burning: 1, ok: 2, no_data: 3 };
const stateText: Record<api.Slo['state'], string> = { exhausted: 'exhausted', burning: 'burning', ok: 'on track', no_data: 'no data' };
const ranges: [string, number][] = [['1h', 3600], ['6h', 21600], ['24h', 86400], ['7d', 604800], ['30d', 2592000]];

export class SloPanel {
  readonly element: HTMLElement;
  private readonly rows = h('tbody');
  private readonly empty = h('p', { class: 'empty' });
  private readonly title = h('h2');
  private readonly facts = h('dl', { class: 'facts' });
  private readonly tiers = h('div', { class: 'tiers' });
  private readonly chart: Chart;
  private readonly rangeButtons: HTMLElement;
  private selected = '';
  private range = 86400;

  constructor() {
    const plot = h('div', { class: 'plot', id: 'burn-down' });
    this.chart = new Chart(plot);
    this.rangeButtons = h('div', { class: 'segments' });
    const head = ['Objective', 'Target', 'Budget left', 'Burn 1h', 'Burn 6h', 'Runs out in', 'State'];
    this.element = h('section', { class: 'slos' },
      h('div', { class: 'card' },
        h('h2', {}, 'Service level objectives'),
        h('table', { id: 'slo-list' }, h('thead', {}, h('tr', {}, ...head.map((text) => h('th', {}, text)))), this.rows),
        this.empty),
      h('div', { class: 'card detail' },
        h('div', { class: 'bar' }, this.title, this.rangeButtons), this.facts, plot, this.tiers));
    this.drawRanges();
  }

  async refresh(): Promise<void> {
    const list = await api.slos();
    list.sort((a, b) => rank[a.state] - rank[b.state] || (a.budget.remaining_ratio ?? 2) - (b.budget.remaining_ratio ?? 2));
    replace(this.empty, list.length === 0 && 'No objectives yet. Write one and start with --slo.files=slo.yml; see docs/slo.md.');
    if (!list.some((slo) => slo.id === this.selected)) this.selected = list[0]?.id ?? '';
    replace(this.rows, ...list.map((slo) => this.row(slo)));
    const slo = list.find((candidate) => candidate.id === this.selected);
    if (slo) await this.showDetail(slo);
  }

  private row(slo: api.Slo): HTMLElement {
    const left = slo.budget.remaining_ratio;
    const width = Math.max(0, Math.min(1, left ?? 0)) * 100;
    const select = () => {
      this.selected = slo.id;
      void this.refresh();
    };
    return h('tr', { class: slo.id === this.selected ? 'selected' : '', click: select, tabindex: 0, 'data-slo': slo.id,
                     keydown: (event) => (event as KeyboardEvent).key === 'Enter' && select() },
      h('td', {}, h('strong', {}, slo.name), h('span', { class: 'sub' }, slo.service)),
      h('td', { class: 'num' }, `${slo.objective} %`, h('span', { class: 'sub' }, slo.period)),
      h('td', { class: 'budget' },
        h('span', { class: `num ${tone(left)}` }, percent(left, 1)),
        h('span', { class: 'meter' }, h('span', { class: tone(left), style: `width:${width}%` }))),
      h('td', { class: 'num' }, burn(slo.burn_rates['1h'] ?? null)),
      h('td', { class: 'num' }, burn(slo.burn_rates['6h'] ?? null)),
      h('td', { class: 'num' }, slo.seconds_to_exhaustion === null ? '–' : duration(slo.seconds_to_exhaustion)),
      h('td', {}, h('span', { class: `pill ${slo.state}` }, stateText[slo.state])));
  }

  private async showDetail(slo: api.Slo): Promise<void> {
    replace(this.title, `${slo.service} · ${slo.name}`);
    const facts: [string, string][] = [
      ['Good events', count(slo.sli.good)],
      ['Bad events', count(slo.sli.bad)],
      ['Success ratio', percent(slo.sli.ratio, 3)],
      ['Bad events allowed', count(slo.budget.allowed_bad)],
      ['Period covered', percent(slo.sli.coverage, 0)],
    ];
    replace(this.facts, ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', { class: 'num' }, value))));
    replace(this.tiers, ...slo.alerts.map((tier) =>
      h('span', { class: `tier ${tier.state}`, title: `fires when both windows burn faster than ${tier.factor}×` },
        h('b', {}, tier.severity), ` ${tier.long}/${tier.short} over ${tier.factor}×: `, `${burn(tier.long_burn)} / ${burn(tier.short_burn)}`)));
    const end = Math.floor(Date.now() / 1000);
    const history = await api.sloHistory(slo.id, end - this.range, end, niceStep(this.range, 240));
    this.chart.draw(history.times, [{ label: 'budget left', values: history.remaining_ratio, color: css('--ember'), fill: css('--ember-soft') }], {
      height: 240,
      value: (v) => (v === null ? '–' : `${(v * 100).toFixed(Math.abs(v) < 0.1 ? 1 : 0)} %`),
      range: (min, max) => [Math.min(0, min ?? 0), Math.max(1, max ?? 1)],
      marks: [{ at: 0, color: css('--rose'), label: 'budget gone' }],
    });
  }

  private drawRanges(): void {
    replace(this.rangeButtons, ...ranges.map(([text, seconds]) =>
      h('button', { type: 'button', class: seconds === this.range ? 'on' : '', click: () => {
        this.range = seconds;
        this.drawRanges();
        void this.refresh();
      } }, text)));
  }
}

function tone(left: number | null): string {
  if (left === null) return 'none';
  if (left <= 0) return 'gone';
  return left < 0.25 ? 'low' : 'fine';
}
