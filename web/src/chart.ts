// A time chart in the page's colours, that follows its container's width.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { css } from './dom';

export interface Line {
  label: string;
  values: (number | null)[];
  color?: string;
  fill?: string;
}

export interface ChartOptions {
  height: number;
  value: (v: number | null) => string;
  legend?: boolean;
  range?: (min: number, max: number) => [number, number];
  marks?: { at: number; color: string; label: string }[];  // horizontal lines
}

const palette = ['--ember', '--sky', '--leaf', '--violet', '--gold', '--rose', '--teal', '--ash'];

export const lineColor = (i: number): string => css(palette[i % palette.length] ?? '--ember');

export class Chart {
  private plot: uPlot | null = null;
  private readonly observer: ResizeObserver;

  constructor(private readonly host: HTMLElement) {
    this.observer = new ResizeObserver(() => this.plot?.setSize({ width: this.host.clientWidth, height: this.plot.height }));
    this.observer.observe(host);
  }

  draw(times: number[], lines: Line[], options: ChartOptions): void {
    this.plot?.destroy();
    this.host.replaceChildren();
    const grid = { stroke: css('--grid'), width: 1 };
    const axis = { stroke: css('--muted'), grid, ticks: { show: false }, font: '12px system-ui' };
    const config: uPlot.Options = {
      width: this.host.clientWidth || 600,
      height: options.height,
      legend: { show: options.legend ?? false },
      cursor: { points: { size: 6 } },
      scales: { x: { time: true }, y: { range: (_u, min, max) => (options.range ? options.range(min, max) : padded(min, max)) } },
      axes: [
        { ...axis, space: 80 },
        { ...axis, size: 64, values: (_u, ticks) => ticks.map((tick) => options.value(tick)) },
      ],
      series: [
        {},
        ...lines.map((line, i) => ({
          label: line.label,
          stroke: line.color ?? lineColor(i),
          fill: line.fill,
          width: 1.75,
          points: { show: times.length < 2 },
          value: (_u: uPlot, v: number | null) => options.value(v),
        })),
      ],
      hooks: { draw: [(u) => drawMarks(u, options.marks ?? [])] },
    };
    this.plot = new uPlot(config, [times, ...lines.map((line) => line.values)] as uPlot.AlignedData, this.host);
  }
}

function padded(min: number, max: number): [number, number] {
  if (min === null || max === null) return [0, 1];
  if (min === max) return [min - Math.abs(min || 1) * 0.1, max + Math.abs(max || 1) * 0.1];
  const room = (max - min) * 0.06;
  return [min >= 0 && min < (max - min) ? 0 : min - room, max + room];
}

function drawMarks(u: uPlot, marks: NonNullable<ChartOptions['marks']>): void {
  const { ctx, bbox } = u;
  for (const mark of marks) {
    const y = u.valToPos(mark.at, 'y', true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.save();
    ctx.strokeStyle = mark.color;
    ctx.fillStyle = mark.color;
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${11 * devicePixelRatio}px system-ui`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    ctx.fillText(mark.label, bbox.left + 6 * devicePixelRatio, y - 4 * devicePixelRatio);
    ctx.restore();
  }
}
