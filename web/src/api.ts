// The server's answers as types, and the few calls that the page makes. Everything is same-origin; no state is kept here.

export interface SloAlert {
  tier: string;
  severity: string;
  state: 'inactive' | 'firing';
  since: number | null;
  long: string;
  short: string;
  factor: number;
  long_burn: number | null;
  short_burn: number | null;
}

export interface Slo {
  id: string;
  name: string;
  service: string;
  labels: Record<string, string>;
  objective: string;
  period: string;
  state: 'ok' | 'burning' | 'exhausted' | 'no_data';
  sli: { good: number; bad: number; total: number; ratio: number | null; from: number; to: number; coverage: number };
  budget: { allowed_bad: number; remaining_ratio: number | null };
  burn_rates: Record<string, number | null>;
  seconds_to_exhaustion: number | null;
  alerts: SloAlert[];
}

export interface SloHistory {
  times: number[];
  remaining_ratio: (number | null)[];
  burn_rate: (number | null)[];
}

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  receivers: { name: string }[];
  status: { state: 'unprocessed' | 'active' | 'suppressed'; silencedBy: string[]; inhibitedBy: string[] };
  fingerprint: string;
}

export interface Delivery {
  id: string;
  time: number;
  receiver: string;
  integration: string;
  status: 'firing' | 'resolved';
  alerts: number;
  alert_names: string[];
  group_labels: Record<string, string>;
  attempts: number;
  http_status: number;
  error: string;
  outcome: string;
  duration_ms: number;
}

export interface SeriesResult {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

export interface QueryData {
  resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  result: SeriesResult[] | [number, string];
}

export interface QueryAnswer {
  data: QueryData;
  warnings: string[];
}

export class ApiError extends Error {}

async function get(path: string, signal?: AbortSignal): Promise<unknown> {
  const response = await fetch(path, { signal });
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(`${response.status} ${text.slice(0, 200)}`);
  }
  if (!response.ok) throw new ApiError((body as { error?: string }).error ?? `${response.status} ${response.statusText}`);
  return body;
}

async function data<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ((await get(path, signal)) as { data: T }).data;
}

export const slos = async (): Promise<Slo[]> => (await data<{ slos: Slo[] }>('api/slo/v1/slos')).slos;

export const sloHistory = (id: string, start: number, end: number, step: number): Promise<SloHistory> =>
  data<SloHistory>(`api/slo/v1/slos/${encodeURIComponent(id)}/history?start=${start}&end=${end}&step=${step}`);

export const alerts = async (): Promise<Alert[]> => (await get('api/v2/alerts')) as Alert[];

export const deliveries = async (limit: number): Promise<Delivery[]> =>
  (await data<{ deliveries: Delivery[] }>(`api/notify/v1/deliveries?limit=${limit}`)).deliveries;

export const metricNames = (): Promise<string[]> => data<string[]>('api/v1/label/__name__/values');

export async function query(expr: string, range: { start: number; end: number; step: number } | null, signal: AbortSignal): Promise<QueryAnswer> {
  const params = new URLSearchParams({ query: expr });
  if (range) for (const [key, value] of Object.entries(range)) params.set(key, String(value));
  const body = (await get(`api/v1/${range ? 'query_range' : 'query'}?${params}`, signal)) as { data: QueryData; warnings?: string[]; infos?: string[] };
  return { data: body.data, warnings: [...(body.warnings ?? []), ...(body.infos ?? [])] };
}
