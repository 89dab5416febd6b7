// Drives the page in headless Chromium against the demo: the SLO list, a plot, the alert and the delivery must be seen.
//   node browser_test.mjs URL SCREENSHOT.png
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(fileURLToPath(new URL('../../web/package.json', import.meta.url)));
const { chromium } = require('playwright-core');
const [url, screenshot] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1150 } });
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(url);

  const rows = page.locator('#slo-list tbody tr');
  await rows.first().waitFor({ timeout: 30_000 });
  assert.ok((await rows.count()) >= 3, 'three objectives are listed');
  const left = Number((await page.locator('[data-slo="checkout-availability"] .budget .num').innerText()).replace(/[^\d.-]/g, ''));
  assert.ok(left > 0 && left < 100, `the budget is neither full nor gone: ${left} %`);

  await page.locator('#alert-list li strong').first().waitFor({ timeout: 150_000 });
  const delivered = page.locator('#delivery-list .pill.ok').first();
  await delivered.waitFor({ timeout: 60_000 });
  assert.match(await delivered.innerText(), /delivered/);

  await page.locator('#query').fill('sum by (service) (rate(http_requests_total[5m]))');
  await page.locator('.query button.primary').click();
  await page.locator('.legend li').nth(2).waitFor({ timeout: 20_000 });
  for (const plot of ['#burn-down canvas', '#query-graph canvas']) {
    // A plot that shows something has more than one colour.
    const colours = await page.locator(plot).evaluate((canvas) => {
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Set();
      for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
      return seen.size;
    });
    assert.ok(colours > 3, `${plot} is drawn (${colours} colours)`);
  }
  await page.screenshot({ path: screenshot, fullPage: true });
  assert.deepEqual(errors, [], 'no errors in the console');
  console.log(`budget left ${left} %, alerts: ${await page.locator('#alert-list li strong').allInnerTexts()}, screenshot ${screenshot}`);
} finally {
  await browser.close();
}
