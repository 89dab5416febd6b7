// A PromQL box with a graph and a table. The question is kept in the address, so that it can be sent to a colleague.

import * as api from './api';
import { Chart, lineColor } from './chart';
import { h, replace } from './dom';
import { clockTime, niceStep, seriesName } from './format';

const maxLines = 40;
const ranges: [string, number][] = [['15m', 900], ['1h', 3600], ['6h', 21600], ['24h', 86400]];

export class QueryPanel {
  readonly element: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly message = h('p', { class: 'message', role: 'status' });
  private readonly legend = h('ul', { class: 'legend' });
  private readonly names = h('datalist', { id: 'metric-names' });
  private readonly rangeButtons = h('div', { class: 'segments' });
  private readonly chart: Chart;
  private range = 3600;
  private running: AbortController | null = null;

  constructor() {
    this.input = h('input', { id: 'query', name: 'query', list: 'metric-names', spellcheck: 'false', autocomplete: 'off',
                              'aria-label': 'PromQL query', placeholder: 'sum by (code) (rate(http_requests_total[5m]))' }) as HTMLInputElement;
    const plot = h('div', { class: 'plot', id: 'query-graph' });
    this.chart = new Chart(plot);
    this.element = h('section', { class: 'card query' },
      h('div', { class: 'bar' }, h('h2', {}, 'Query'), this.rangeButtons),
      h('form', { submit: (event) => {
        event.preventDefault();
        void this.run();
      } }, this.input, this.names, h('button', { type: 'submit', class: 'primary' }, 'Run')),
      this.message, plot, this.legend);
    this.drawRanges();
    this.fromAddress();
    void api.metricNames().then((names) => replace(this.names, ...names.map((name) => h('option', { value: name }))), () => undefined);
  }

  fromAddress(): void {
    const params = new URLSearchParams(location.hash.replace(/^#\/?/, ''));
    const asked = params.get('q');
    if (asked === null || asked === this.input.value) return;
    this.input.value = asked;
    this.range = Number(params.get('range')) || this.range;
    this.drawRanges();
    void this.run();
  }

  private async run(): Promise<void> {
    const expr = this.input.value.trim();
    if (expr === '') return;
    history.replaceState(null, '', `#${new URLSearchParams({ q: expr, range: String(this.range) })}`);
    this.running?.abort();
    const running = (this.running = new AbortController());
    const end = Math.floor(Date.now() / 1000);
    const step = niceStep(this.range, 300);
    const began = performance.now();
    try {
      const answer = await api.query(expr, { start: end - this.range, end, step }, running.signal);
      this.show(answer, end - this.range, end, step, performance.now() - began);
    } catch (error) {
      if (running.signal.aborted) return;
      this.message.className = 'message error';
      replace(this.message, error instanceof Error ? error.message : String(error));
    }
  }

  private show(answer: api.QueryAnswer, start: number, end: number, step: number, ms: number): void {
    const series = answer.data.result as api.SeriesResult[];
    const times: number[] = [];
    for (let t = start; t <= end; t += step) times.push(t);
    const shown = series.slice(0, maxLines);
    this.chart.draw(times, shown.map((one) => ({ label: seriesName(one.metric), values: align(one.values ?? [], times) })),
      { height: 280, value: (v) => (v === null ? '–' : String(Number(v.toPrecision(4)))) });
    this.message.className = 'message';
    const cut = series.length > maxLines ? `, the first ${maxLines} drawn` : '';
    replace(this.message, `${series.length} series${cut} · ${ms.toFixed(0)} ms · step ${step}s`,
      ...answer.warnings.map((warning) => h('span', { class: 'warning' }, warning)));
    replace(this.legend, ...shown.map((one, i) => {
      const last = one.values?.at(-1);
      return h('li', {}, h('i', { style: `background:${lineColor(i)}` }), h('code', {}, seriesName(one.metric)),
        last && h('span', { class: 'num', title: clockTime(last[0]) }, last[1]));
    }));
  }

  private drawRanges(): void {
    replace(this.rangeButtons, ...ranges.map(([text, seconds]) =>
      h('button', { type: 'button', class: seconds === this.range ? 'on' : '', click: () => {
        this.range = seconds;
        this.drawRanges();
        void this.run();
      } }, text)));
  }
}

// Values on the grid of `times`; null where the series has none.
function align(values: [number, string][], times: number[]): (number | null)[] {
  const at = new Map(values.map(([t, v]) => [t, Number(v.replace('Inf', 'Infinity'))]));
  return times.map((t) => {
    const value = at.get(t);
    return value === undefined || Number.isNaN(value) ? null : value;
  });
}
